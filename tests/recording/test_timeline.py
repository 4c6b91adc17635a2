"""A timeline notes the steps of a coroutine and does not change it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from sockets_lab.recording import Timeline


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


async def twice() -> str:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return "done"


def test_notes_a_step_each_time_it_runs() -> None:
    timeline = Timeline()
    assert run(timeline.watch("a", twice())) == "done"
    steps = timeline.steps["a"]
    assert len(steps) == 3
    assert all(step.began_s <= step.ended_s for step in steps)
    assert steps == sorted(steps)
    assert timeline.ends == {"a": "returned"}


def test_lets_an_error_through() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError("no such thing")

    timeline = Timeline()
    with pytest.raises(LookupError, match="no such thing"):
        run(timeline.watch("a", fails()))
    assert timeline.ends == {"a": "raised LookupError"}
    assert len(timeline.steps["a"]) == 2


def test_lets_a_cancellation_through() -> None:
    cleaned: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            cleaned.append("up")

    async def main() -> None:
        task = asyncio.create_task(timeline.watch("a", waits()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    timeline = Timeline()
    run(main())
    assert (cleaned, timeline.ends) == (["up"], {"a": "cancelled"})


def test_lets_a_coroutine_catch_errors() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return "went on"

    async def main() -> str:
        task = asyncio.create_task(timeline.watch("a", stubborn()))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    timeline = Timeline()
    assert run(main()) == "went on"
    assert timeline.ends == {"a": "returned"}


def test_closes_the_coroutine() -> None:
    timeline = Timeline()
    inner = twice()
    watched = timeline.watch("a", inner)
    watched.send(None)
    watched.close()
    assert inner.cr_frame is None
    assert timeline.ends == {"a": "raised GeneratorExit"}


def test_passes_on_what_is_awaited() -> None:
    async def main() -> list[int]:
        queue: asyncio.Queue[int] = asyncio.Queue()

        async def take() -> list[int]:
            return [await queue.get() for _ in range(3)]

        task = asyncio.create_task(timeline.watch("taker", take()))
        for number in range(3):
            await asyncio.sleep(0)
            queue.put_nowait(number)
        return await task

    timeline = Timeline()
    assert run(main()) == [0, 1, 2]
    assert repr(timeline) == "<timeline of taker>"
    assert repr(Timeline()) == "<timeline of no task yet>"
