"""A private network: a function runs in a child process that has a network of its own.

Experiments that change the kernel's network settings, or send packets made by hand, must not touch
the machine that the learner works on. Linux can give one process a network stack of its own
(network_namespaces(7)), and lets an ordinary user do so inside a user namespace, in which they are
root over that network and over nothing else (user_namespaces(7)). Making it takes a millisecond;
starting Python in it takes most of the time.

The child is a new interpreter, not a fork: a notebook's kernel has threads, and only a process of
one thread may enter a user namespace. cloudpickle ships the function, because a cell's functions
live in no file from which the child could import them. What comes back is unpickled without
suspicion: the child ran the learner's own code, which could do here whatever it does there.
"""

import codecs
import errno
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple, TextIO, TypeVar, cast

from sockets_lab.abilities import Unavailable, ability
from sockets_lab.interrupts import hold_interrupts

__all__ = ["NoPrivateNetwork", "in_private_network"]

T = TypeVar("T")

PR_SET_PDEATHSIG = 1  # linux/prctl.h
READ_AT_ONCE = 65536
SEE_DOCTOR = "run `sockets-lab doctor` to see what this machine can do"


class NoPrivateNetwork(Unavailable):
    """This machine makes no private network; the message says why, and what would help."""


class _Reply(NamedTuple):
    """What the child sends back: a result, or an error and the places it passed through."""

    result: object = None
    error: BaseException | None = None
    places: tuple[tuple[str, int, str], ...] = ()  # (file, line, function), outermost first


def in_private_network(function: Callable[..., T], /, *args: object, deadline_s: float = 10.0) -> T:
    """Run a function in a process whose network holds nothing but a loopback interface of its own.

    function, args: anything cloudpickle can ship, functions of a notebook's cells included; open
        sockets, files and locks cannot be shipped: open them inside.
    deadline_s: seconds, counted from the start of the process (about 0.15 s go by before the
        function begins).

    Inside, the function is root over its network: it may write /proc/sys/net and open raw sockets.
    What it prints appears here; what it changes in variables does not: return what you need.

    Returns what the function returns, and raises what it raises, with a note on where. Raises
    NoPrivateNetwork where the machine has no such thing, TimeoutError at the deadline, TypeError
    when something cannot be shipped. The process and all that it started in its process group are
    ended on every way out, the death of the caller included. See unshare(2), prctl(2).
    """
    _ask_for_namespaces()
    with tempfile.TemporaryFile() as order, tempfile.TemporaryFile() as reply:
        order.write(_pack((function, args), "cannot ship the function and its arguments"))
        order.seek(0)
        child: subprocess.Popen[bytes] | None = None
        try:
            with hold_interrupts():
                child = _start(order, reply)
            ended = _attend(child, time.monotonic() + deadline_s)
        finally:
            if child is not None:
                _end(child)
        if not ended:
            raise TimeoutError(
                f"{_name(function)} was still running in the private network after "
                f"{deadline_s:g} s and was ended: give what it waits for a timeout, "
                "or give in_private_network a larger deadline_s"
            )
        return _open_reply(reply, function, child.returncode)


# The parent's side


def _ask_for_namespaces() -> None:
    namespaces = ability("namespaces")
    if not namespaces.has:
        raise NoPrivateNetwork(f"{namespaces.lacking}; {namespaces.remedy}")


def _pack(thing: object, complaint: str) -> bytes:
    import cloudpickle

    try:
        packed: bytes = cloudpickle.dumps(thing)
    except Exception as error:  # cloudpickle lets through whatever an object's own pickling raises
        raise TypeError(
            f"{complaint}: {error}; make sockets, files and locks inside the function, "
            "and return plain values"
        ) from error
    return packed


def _start(order: IO[bytes], reply: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the child in a session of its own, so that its process group can be ended at once."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        f"from sockets_lab.hosts import _live_apart; _live_apart({os.getpid()}, {reply.fileno()})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=order,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=[reply.fileno()],
        start_new_session=True,
    )


def _attend(child: subprocess.Popen[bytes], until: float) -> bool:
    """Pass on what the child prints until it ends; say whether it did before `until`."""
    ended = os.pidfd_open(child.pid)  # readable once the process has ended: no polling
    try:
        with selectors.DefaultSelector() as waiting:
            waiting.register(ended, selectors.EVENT_READ)
            for source, target in _streams(child):
                os.set_blocking(source.fileno(), False)
                pass_on = _Forward(source, target)
                waiting.register(source, selectors.EVENT_READ, pass_on)
            return _forward_until_ended(waiting, until)
    finally:
        os.close(ended)


def _streams(child: subprocess.Popen[bytes]) -> list[tuple[IO[bytes], TextIO]]:
    pairs = ((child.stdout, sys.stdout), (child.stderr, sys.stderr))
    return [(source, target) for source, target in pairs if source is not None]


class _Forward:
    """Hands on the text of one of the child's pipes, whole characters at a time."""

    def __init__(self, source: IO[bytes], target: TextIO) -> None:
        self.source, self.target = source, target
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def some(self) -> int | None:
        """Hand on what is there: bytes read, 0 at the end of the pipe, None if nothing is there."""
        chunk: bytes | None = self.source.read(READ_AT_ONCE)
        if chunk is None:
            return None
        self.target.write(self.decoder.decode(chunk, final=not chunk))
        return len(chunk)


def _forward_until_ended(waiting: selectors.BaseSelector, until: float) -> bool:
    pipes = [key.data for key in waiting.get_map().values() if key.data]
    while True:
        ready = waiting.select(max(0.0, until - time.monotonic()))
        for key, _ in ready:
            if key.data and key.data.some() == 0:
                waiting.unregister(key.fileobj)
        ended = any(key.data is None for key, _ in ready)
        if ended or time.monotonic() >= until:
            break
    for pipe in pipes:
        _forward_rest(pipe, until)
    return ended


def _forward_rest(pipe: _Forward, until: float) -> None:
    """Pass on what the pipe still holds; a process left behind may print on, but not for ever."""
    while pipe.some():
        if time.monotonic() >= until:
            return


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and its process group; it is not reaped yet, so the number is still its own."""
    if child.returncode is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for source, target in _streams(child):
        source.close()
        target.flush()


def _open_reply(reply: IO[bytes], function: Callable[..., T], status: int) -> T:
    import pickle

    reply.seek(0)
    packed = reply.read()
    if not packed:
        raise RuntimeError(
            f"{_name(function)} ended its process before it returned "
            f"({_words_of_status(status)}): there is no result"
        )
    answer: _Reply = pickle.loads(packed)
    if answer.error is not None:
        if answer.places:
            answer.error.add_note(_where(answer.places))
        raise answer.error
    return cast(T, answer.result)  # the child called `function`, which returns T


def _words_of_status(status: int) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def _where(places: tuple[tuple[str, int, str], ...]) -> str:
    """The child's traceback, read here, where the source of a notebook's cells is known."""
    summary = traceback.StackSummary.from_list([(*place, None) for place in places])
    lines = ["in the private network, most recent call last:"]
    for frame in summary:
        file = f"{frame.filename}, " if Path(frame.filename).is_file() else ""
        lines.append(f"  {file}line {frame.lineno}, in {frame.name}: {frame.line}")
    return "\n".join(lines)


def _name(function: Callable[..., object]) -> str:
    return f"{getattr(function, '__name__', repr(function))}()"


# The child's side


def _live_apart(parent: int, reply: int) -> None:
    """The child's whole life: enter the network, call, answer."""
    from sockets_lab.abilities.private_network import enter

    os.set_inheritable(reply, False)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream: ours
    try:
        enter()
    except OSError as error:
        answer = _Reply(error=_refusal(error))
    else:
        _die_with(parent)
        answer = _call()
    with open(reply, "wb") as file:
        file.write(_pack_answer(answer))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads the function left running must not hold up what it returned


def _refusal(error: OSError) -> NoPrivateNetwork:
    code = errno.errorcode.get(error.errno or 0, "no errno")
    return NoPrivateNetwork(
        f"the kernel refused a private network ({error.strerror}: {code}); {SEE_DOCTOR}"
    )


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, so that nothing outlives it."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def _call() -> _Reply:
    import pickle

    try:
        function, args = pickle.load(sys.stdin.buffer)
        return _Reply(result=function(*args))
    except BaseException as error:
        passed = traceback.extract_tb(error.__traceback__)[1:]
        places = tuple((frame.filename, frame.lineno or 0, frame.name) for frame in passed)
        return _Reply(error=error, places=places)


def _pack_answer(answer: _Reply) -> bytes:
    """Pack the answer; what cannot travel is replaced by an error that can and says so."""
    import pickle

    try:
        packed = _pack(answer, "cannot ship the result back")
        pickle.loads(packed)  # some exceptions pack, but cannot be made again from what was packed
    except Exception as error:
        told = error if answer.error is None else _retold(answer.error)
        packed = _pack(_Reply(error=told, places=answer.places), "")
    return packed


def _retold(error: BaseException) -> RuntimeError:
    return RuntimeError(f"{type(error).__name__}: {error}")
