"""Where a thread stands, in words that a learner can find in the cell."""

import linecache
import sysconfig
import threading
from types import FrameType

from sockets_lab.background.threads import HERE, frames_of

__all__ = ["place_of", "without_our_frames"]

LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen")


def place_of(thread: threading.Thread) -> str:
    """Where `thread` stands: "serve(), line 3: `time.sleep(60)`", in the learner's own code."""
    frames = list(frames_of(thread))
    own = [frame for frame in frames if not frame.f_code.co_filename.startswith(LIBRARIES)]
    return _in_words((own or frames)[0]) if frames else "code that cannot be seen"


def without_our_frames(error: BaseException) -> BaseException:
    """`error` with a traceback that begins in the learner's code."""
    begin = error.__traceback__
    while begin and begin.tb_frame.f_code.co_filename.startswith((HERE, *LIBRARIES)):
        begin = begin.tb_next
    return error.with_traceback(begin or error.__traceback__)


def _in_words(frame: FrameType) -> str:
    function = frame.f_code.co_qualname.rpartition("<locals>.")[2]
    source = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals).strip()
    return f"{function}(), line {frame.f_lineno}" + (f": `{source}`" if source else "")
