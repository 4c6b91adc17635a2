"""Captures made on this machine, or recorded ones where it cannot, which is always announced."""

import json
from collections.abc import Callable
from functools import wraps
from os import PathLike
from typing import TypeVar

from sockets_lab.capabilities import capability, require
from sockets_lab.capture.packets import Packet
from sockets_lab.capture.pcap import read_packets
from sockets_lab.capture.segments import Capture
from sockets_lab.capture.sniffing import sniff
from sockets_lab.capture.streams import assemble
from sockets_lab.course_files import Provenance, recorded, say_recorded
from sockets_lab.netns import in_private_network

__all__ = ["FOLDER", "PROVENANCE", "capture", "captured", "read"]

T = TypeVar("T")

FOLDER = "captures"
PROVENANCE = "recorded.json"


def read(path: str | PathLike[str]) -> Capture:
    """Return the TCP segments in a capture file, such as tcpdump or Wireshark write.

    path: a pcap or pcapng file. Raises OSError (ENOENT, EACCES) and ValueError for a file that is
    no capture. The capture must have begun before the first connect(): see `Capture.left_out`.
    """
    return assemble(read_packets(path))


def capture(function: Callable[..., object], /, *args: object, deadline_s: float = 10.0) -> Capture:
    """Run a function in a private network, and return the TCP segments that it caused.

    function, args, deadline_s: as for `in_private_network`. Segments that are on their way when the
    function returns are included; what the kernel would send later, such as a delayed
    acknowledgement, is not. The return value of the function is the capture's `result`.

    Raises what the function raises, Unavailable where this machine cannot capture, TimeoutError at
    the deadline, and RuntimeError where packets came too fast or too many to keep.
    """
    require("raw-capture", "the packets of a connection")
    result, packets = in_private_network(_with_packets(function), *args, deadline_s=deadline_s)
    return assemble(packets, result)


def captured(
    name: str, function: Callable[..., object], /, *args: object, deadline_s: float = 10.0
) -> Capture:
    """Capture what a function does, or read a recorded capture if this machine cannot.

    name: of the recorded file in data/captures/, without its ending. The rest is as for `capture`.
    A line is printed for a recorded capture, whose `result` is None. FileNotFoundError if there is
    no file of this name.
    """
    here = capability("raw-capture")
    if here.has:
        return capture(function, *args, deadline_s=deadline_s)
    path = recorded(f"{FOLDER}/{name}.pcap")
    made = json.loads((path.parent / PROVENANCE).read_text(encoding="utf-8"))
    say_recorded(Provenance(**made), [here.lacking])
    return read(path)


def _with_packets(function: Callable[..., T]) -> Callable[..., tuple[T, list[Packet]]]:
    @wraps(function)  # so that messages name the function, not this
    def run(*args: object) -> tuple[T, list[Packet]]:
        return sniff(function, *args)

    return run
