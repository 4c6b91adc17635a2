"""What travels between this process and one in a private network: calls, and what came of them."""

import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

__all__ = ["Reply", "called", "name_of", "opened", "pack", "pack_reply"]

T = TypeVar("T")


class Reply(NamedTuple):
    """What the child sends back: a result, or an error and the places it passed through."""

    result: object = None
    error: BaseException | None = None
    places: tuple[tuple[str, int, str], ...] = ()  # (file, line, function), outermost first


def pack(thing: object, complaint: str) -> bytes:
    """Pack a thing with cloudpickle; TypeError, which begins with `complaint`, if it cannot be."""
    import cloudpickle

    try:
        packed: bytes = cloudpickle.dumps(thing)
    except Exception as error:  # cloudpickle lets through whatever an object's own pickling raises
        raise TypeError(
            f"{complaint}: {error}; make sockets, files and locks inside the function, "
            "and return plain values"
        ) from error
    return packed


def called(function: Callable[..., object], args: tuple[object, ...]) -> Reply:
    """Call a function, and keep what it returned or raised."""
    try:
        return Reply(result=function(*args))
    except BaseException as error:
        passed = traceback.extract_tb(error.__traceback__)[1:]
        places = tuple((frame.filename, frame.lineno or 0, frame.name) for frame in passed)
        return Reply(error=error, places=places)


def pack_reply(answer: Reply) -> bytes:
    """Pack the answer; what cannot travel is replaced by an error that can and says so."""
    import pickle

    try:
        packed = pack(answer, "cannot ship the result back")
        pickle.loads(packed)  # some exceptions pack, but cannot be made again from what was packed
    except Exception as error:
        told = error if answer.error is None else _retold(answer.error)
        packed = pack(Reply(error=told, places=answer.places), "")
    return packed


def _retold(error: BaseException) -> RuntimeError:
    return RuntimeError(f"{type(error).__name__}: {error}")


def opened(packed: bytes, function: Callable[..., T], status: int) -> T:
    """Return what the function returned, or raise what it raised; RuntimeError for no reply."""
    import pickle

    if not packed:
        raise RuntimeError(
            f"{name_of(function)} ended its process before it returned "
            f"({_words_of_status(status)}): there is no result"
        )
    answer: Reply = pickle.loads(packed)
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


def name_of(function: Callable[..., object]) -> str:
    """Name a function as one writes of it: "serve()"."""
    return f"{getattr(function, '__name__', repr(function))}()"
