"""Source locations of threads and errors, in words that a learner can find in the cell."""

import linecache
import sysconfig
import threading
import traceback
from pathlib import Path
from types import FrameType

from sockets_lab.background.threads import HERE, frames_of

__all__ = ["location_of", "location_of_error", "without_our_frames"]

LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen")
PACKAGE = str(Path(HERE).parent)


def location_of(thread: threading.Thread) -> str:
    """Return where `thread` is in the learner's code: "serve(), line 3: `time.sleep(60)`"."""
    frames = list(frames_of(thread))
    own = [frame for frame in frames if not frame.f_code.co_filename.startswith(LIBRARIES)]
    if not frames:
        return "code that Python cannot see"
    frame = (own or frames)[0]
    return _describe(frame, frame.f_lineno)


def location_of_error(error: BaseException) -> str:
    """Return where `error` was raised, in the same words; "" if not in the learner's code."""
    ours = (PACKAGE, *LIBRARIES)
    steps = list(traceback.walk_tb(error.__traceback__))
    own = [step for step in steps if not step[0].f_code.co_filename.startswith(ours)]
    return _describe(*own[-1]) if own else ""


def without_our_frames(error: BaseException) -> BaseException:
    """Return `error` with a traceback that begins in the learner's code."""
    begin = error.__traceback__
    while begin and begin.tb_frame.f_code.co_filename.startswith((HERE, *LIBRARIES)):
        begin = begin.tb_next
    return error.with_traceback(begin or error.__traceback__)


def _describe(frame: FrameType, line: int) -> str:
    function = frame.f_code.co_qualname.rpartition("<locals>.")[2]
    source = linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
    return f"{function}(), line {line}" + (f": `{source}`" if source else "")
