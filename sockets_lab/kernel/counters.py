"""Read the kernel's counters of TCP, UDP and IP, as nstat(8) does: /proc/net/netstat and snmp."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from sockets_lab.capabilities import require

__all__ = ["Counters", "counters", "parse"]

_FILES: Final = (Path("/proc/net/netstat"), Path("/proc/net/snmp"))
_PLAIN: Final = ("TcpExt", "Tcp")  # these groups' names are used without their group


class Counters(Mapping[str, int]):
    """Counters by name, at one moment; `after - before` is what happened in between.

    They count everything in this network namespace since it was created, also other programs'
    sockets.
    """

    def __init__(self, values: Mapping[str, int]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> int:
        try:
            return self._values[name]
        except KeyError:
            raise _unknown(name, self._values) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __sub__(self, before: object) -> "Counters":
        if not isinstance(before, Counters):
            return NotImplemented
        return Counters({name: self[name] - before[name] for name in self})

    @property
    def moved(self) -> "Counters":
        """Return only the counters that are not 0: in a difference, those that changed."""
        return Counters({name: value for name, value in self._values.items() if value})

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:{width}}  {value}" for name, value in self.items())

    __repr__ = __str__


def counters(*names: str) -> Counters:
    """Return the kernel's counters `names`, in that order, or all of them without a name.

    names: as nstat(8) prints them; those of TCP also without their prefix ("ListenOverflows",
        "TcpExtListenOverflows", "UdpInErrors").

    Raises KeyError for an unknown name, Unavailable where there are no such files.
    """
    require("counters", "the kernel's counters")
    every: dict[str, int] = {}
    for file in _FILES:
        every |= parse(file.read_text())
    if not names:
        return Counters(every)
    return Counters({name: _value(name, every) for name in names})


def parse(text: str) -> dict[str, int]:
    """Parse one file: each group is a line of names and a line of values.

    >>> parse("Tcp: ActiveOpens\\nTcp: 5\\nUdp: InErrors\\nUdp: 0\\n")
    {'ActiveOpens': 5, 'UdpInErrors': 0}
    """
    lines = text.splitlines()
    found: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        group, *columns = names.split()
        prefix = "" if group[:-1] in _PLAIN else group[:-1]
        pairs = zip(columns, values.split()[1:], strict=True)
        found |= {prefix + column: int(value) for column, value in pairs}
    return found


def _value(name: str, every: Mapping[str, int]) -> int:
    for prefix in ("", *_PLAIN):
        plain = name.removeprefix(prefix)
        if plain in every:
            return every[plain]
    raise _unknown(name, every)


def _unknown(name: object, known: Mapping[str, int]) -> KeyError:
    near = get_close_matches(str(name), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}" if near else "counters() returns all of them"
    return KeyError(f"no counter is called {name!r}: {hint}")
