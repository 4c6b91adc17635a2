"""Interrupts stay pending in marked functions, and go through everywhere else."""

import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from sockets_lab.interrupts import InterruptGuard, deliver_interrupt, uninterruptible
from sockets_lab.interrupts.guard import is_interrupt_pending
from tests.support.interrupting import interrupted_at_instruction, interrupted_on_entry

GUARD = "sockets_lab.interrupts.guard"


@pytest.fixture(autouse=True)
def handler_is_back() -> Iterator[None]:
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not is_interrupt_pending()


def press() -> None:
    signal.raise_signal(signal.SIGINT)


class Block:
    """A context manager that writes down what it did."""

    def __init__(self) -> None:
        self.guard = InterruptGuard()
        self.done: list[str] = []

    @uninterruptible
    def __enter__(self) -> "Block":
        self.guard.hold()
        try:
            self.done.append("entered")
            deliver_interrupt()
        except BaseException:
            self.leave()
            raise
        return self

    @uninterruptible
    def __exit__(self, *error: object) -> None:
        self.leave()

    def leave(self) -> None:
        self.done.append("left")
        self.guard.release()


def test_entry_of_exit_is_protected() -> None:
    block = Block()
    with pytest.raises(KeyboardInterrupt), interrupted_on_entry(Block.__exit__), block:
        block.done.append("ran")
    assert block.done == ["entered", "ran", "left"]


def test_entry_of_exit_is_protected_after_an_error() -> None:
    block = Block()
    with pytest.raises(KeyboardInterrupt) as caught, interrupted_on_entry(Block.__exit__), block:
        raise LookupError
    assert block.done == ["entered", "left"]
    assert isinstance(caught.value.__context__, LookupError)


def test_interrupt_of_a_called_function_waits() -> None:
    block = Block()
    with pytest.raises(KeyboardInterrupt), interrupted_on_entry(Block.leave), block:
        pass
    assert block.done == ["entered", "left"]


def test_interrupt_while_entering_skips_the_block() -> None:
    block = Block()
    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_on_entry(deliver_interrupt),
        block,
    ):
        pytest.fail("the block was entered")
    assert block.done == ["entered", "left"]


def test_interrupt_of_the_block_is_immediate() -> None:
    def press_inside() -> None:
        with block:
            press()
            pytest.fail("the interrupt waited")

    block = Block()
    with pytest.raises(KeyboardInterrupt):
        press_inside()
    assert block.done == ["entered", "left"]


def test_handler_looks_at_the_interrupted_frame() -> None:
    frames: list[FrameType] = []

    @uninterruptible
    def marked() -> None:
        frames.append(sys._getframe())
        handler(signal.SIGINT, frames[0])
        assert is_interrupt_pending()
        with pytest.raises(KeyboardInterrupt):
            deliver_interrupt()

    guard = InterruptGuard()
    guard.hold()
    handler = signal.getsignal(signal.SIGINT)
    assert callable(handler)
    marked()
    with pytest.raises(KeyboardInterrupt):
        handler(signal.SIGINT, sys._getframe())
    guard.release()


def test_pending_interrupt_waits_for_the_outermost_function() -> None:
    inner = Block()

    @uninterruptible
    def outer() -> None:
        with inner:
            press()
        assert is_interrupt_pending()
        outer_guard.release()

    outer_guard = InterruptGuard()
    outer_guard.hold()
    with pytest.raises(KeyboardInterrupt):
        outer()
    assert inner.done == ["entered", "left"]


@pytest.mark.parametrize("last", [0, 1], ids=["the first is last", "the second is last"])
def test_guards_end_in_any_order(last: int) -> None:
    blocks = [Block(), Block()]
    for block in blocks:
        block.__enter__()
    blocks[1 - last].__exit__()
    with pytest.raises(KeyboardInterrupt), interrupted_on_entry(Block.__exit__):
        blocks[last].__exit__()
    assert [block.done for block in blocks] == [["entered", "left"]] * 2


def test_releasing_twice_does_no_harm() -> None:
    guard, other = InterruptGuard(), InterruptGuard()
    guard.hold()
    other.hold()
    guard.release()
    guard.release()
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    other.release()


def test_lost_guard_gives_the_handler_back() -> None:
    def lose() -> None:
        InterruptGuard().hold()

    lose()
    gc.collect()
    with pytest.raises(KeyboardInterrupt):
        press()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def in_a_thread(function: Callable[[], None]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_other_threads_hold_nothing() -> None:
    guard = InterruptGuard()
    in_a_thread(guard.hold)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_guard_released_by_another_thread() -> None:
    guard = InterruptGuard()
    guard.hold()
    in_a_thread(guard.release)
    block = Block()
    with pytest.raises(KeyboardInterrupt), interrupted_on_entry(Block.__exit__), block:
        pass
    assert block.done == ["entered", "left"]


def test_another_thread_delivers_nothing() -> None:
    guard = InterruptGuard()
    guard.hold()

    @uninterruptible
    def marked() -> None:
        press()
        in_a_thread(deliver_interrupt)
        in_a_thread(InterruptGuard().release)
        assert is_interrupt_pending()
        guard.release()

    with pytest.raises(KeyboardInterrupt):
        marked()


def test_handler_of_the_block_stays() -> None:
    def own(number: int, frame: FrameType | None) -> None: ...

    try:
        with Block(), Block():
            signal.signal(signal.SIGINT, own)
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_earlier_handler_gets_the_interrupt() -> None:
    came: list[tuple[int, bool]] = []

    def own(number: int, frame: FrameType | None) -> None:
        came.append((number, frame is not None))

    signal.signal(signal.SIGINT, own)
    try:
        with Block():
            press()
        with interrupted_on_entry(Block.__exit__), Block():
            pass
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert came == [(signal.SIGINT, True)] * 2


def test_ignored_interrupts_stay_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Block() as block:
            press()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert block.done == ["entered", "left"]


def test_interrupt_at_any_instruction_is_neither_lost_nor_harmful() -> None:
    blocks: list[Block] = []

    def session() -> None:
        blocks[:] = Block(), Block()
        with blocks[0], blocks[1]:
            pass

    number = 0
    while interrupted_at_instruction(number, session, {GUARD, __name__}, ("session",)):
        for block in blocks:
            assert block.done.count("entered") == block.done.count("left"), number
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        number += 1
    assert number > 200
