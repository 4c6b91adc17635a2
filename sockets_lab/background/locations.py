"""Where a thread stands, in words that a learner can find in the cell."""

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
    """Where `thread` stands: "serve(), line 3: `time.sleep(60)`", in the learner's own code."""
    frames = list(frames_of(thread))
    own = [frame for frame in frames if not frame.f_code.co_filename.startswith(LIBRARIES)]
    if not frames:
        return "code that cannot be seen"
    frame = (own or frames)[0]
    return _in_words(frame, frame.f_lineno)


def location_of_error(error: BaseException) -> str:
    """Where `error` comes from, in the same words; "" when the learner's code had no part in it."""
    ours = (PACKAGE, *LIBRARIES)
    steps = list(traceback.walk_tb(error.__traceback__))
    own = [step for step in steps if not step[0].f_code.co_filename.startswith(ours)]
    return _in_words(*own[-1]) if own else ""


def without_our_frames(error: BaseException) -> BaseException:
    """`error` with a traceback that begins in the learner's code."""
    begin = error.__traceback__
    while begin and begin.tb_frame.f_code.co_filename.startswith((HERE, *LIBRARIES)):
        begin = begin.tb_next
    return error.with_traceback(begin or error.__traceback__)


def _in_words(frame: FrameType, line: int) -> str:
    function = frame.f_code.co_qualname.rpartition("<locals>.")[2]
    source = linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
    return f"{function}(), line {line}" + (f": `{source}`" if source else "")
