"""Requests to a child process and its replies, pickled, each after its length.

Unpickling them is safe: the child runs code of ours or of the learner, which could do in this
process whatever it can do in the child.
"""

import pickle
import struct
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple

__all__ = ["Frame", "Reply", "frames_of", "pack", "pack_reply", "read", "write"]

Frame = tuple[str, int, str]
"""A line of a traceback: file, line number, function."""

_LENGTH: Final = struct.Struct("=Q")


class Reply(NamedTuple):
    """What a child sends back: a result, or an error and its traceback, outermost frame first."""

    result: object = None
    error: BaseException | None = None
    frames: tuple[Frame, ...] = ()

    def open(self) -> object:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.result

    def note_frames(self, place: str) -> None:
        """Add the traceback to the error as a note.

        The source is looked up here, because only the parent knows the source of notebook cells.
        """
        if self.error is not None and self.frames:
            self.error.add_note(_in_words(self.frames, place))


def pack(thing: object, complaint: str) -> bytes:
    """Pickle a thing by cloudpickle, which takes the functions of notebook cells by value.

    TypeError, which begins with `complaint`, for what cannot be pickled.
    """
    import cloudpickle  # slow to import

    try:
        packed: bytes = cloudpickle.dumps(thing)
    except Exception as error:  # whatever the `__reduce__` of an object raises
        raise TypeError(
            f"{complaint}: {error}; open sockets, files and locks inside the function, "
            "and return plain values"
        ) from error
    return packed


def pack_reply(reply: Reply) -> bytes:
    """Pickle a reply; replace what cannot be pickled by an error that says so."""
    try:
        try:
            packed = pickle.dumps(reply)
        except Exception:  # as a rule a thing of a notebook cell, which cloudpickle can take
            packed = pack(reply, "cannot send the result back")
        pickle.loads(packed)  # some exceptions can be pickled and not unpickled
    except Exception as error:
        substitute = error
        if reply.error is not None:
            substitute = RuntimeError(f"{type(reply.error).__name__}: {reply.error}")
        packed = pack(Reply(error=substitute, frames=reply.frames), "")
    return packed


def frames_of(trace: TracebackType | None, skip: int) -> tuple[Frame, ...]:
    """Return the frames of a traceback, without the outermost `skip`."""
    frames = traceback.extract_tb(trace)[skip:]
    return tuple((frame.filename, frame.lineno or 0, frame.name) for frame in frames)


def _in_words(frames: tuple[Frame, ...], place: str) -> str:
    summary = traceback.StackSummary.from_list([(*frame, None) for frame in frames])
    lines = [f"{place}, most recent call last:"]
    for frame in summary:
        file = f"{frame.filename}, " if Path(frame.filename).is_file() else ""
        lines.append(f"  {file}line {frame.lineno}, in {frame.name}: {frame.line}")
    return "\n".join(lines)


def write(pipe: IO[bytes], packed: bytes) -> None:
    """Write one message; BrokenPipeError if its reader is gone."""
    pipe.write(_LENGTH.pack(len(packed)) + packed)
    pipe.flush()


def read(take: Callable[[int], bytes]) -> bytes:
    """Read one message; `take(nbytes)` returns as many bytes."""
    (length,) = _LENGTH.unpack(take(_LENGTH.size))
    return take(length)
