"""Colours that every picture shares, so that a colour means the same thing everywhere.

The hues are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which differ for every
common kind of colour vision. No hue carries meaning alone: roles and states are always written too,
and states that lie beside each other differ in hatch. Letters use a darker `ink` of each hue, with
a contrast of at least 4.5 to 1 on the card (WCAG 2.1, 1.4.3).
"""

from typing import NamedTuple

__all__ = [
    "BORDER",
    "CARD",
    "FAINT",
    "GOOD",
    "GROUND",
    "INK",
    "SOFT",
    "UNREAD",
    "WARNING",
    "Hue",
    "StateLook",
    "ink_of",
    "kind_of",
    "look_of_state",
    "role_hue",
]

CARD = "#fdfdfb"
BORDER = "#cfd4dc"
FAINT = "#e7e9ed"
GROUND = "#f1f3f6"
INK = "#1d232f"
SOFT = "#59616f"


class Hue(NamedTuple):
    """One colour in three strengths: `line` for strokes, `ink` for letters, `tint` for areas."""

    line: str
    ink: str
    tint: str


_CLIENT = Hue("#0072b2", "#005685", "#e2eff8")
_LISTENER = Hue("#d55e00", "#9c4300", "#fcece0")
_CONNECTION = Hue("#009e73", "#006a4d", "#def3ec")
_DATAGRAM = Hue("#cc79a7", "#8a3c67", "#f8e9f1")
_OTHER = Hue("#7a8290", "#4a515e", "#eef0f3")

GOOD = _CONNECTION
WARNING = Hue("#b3202c", "#9b1522", "#fbe7e7")
UNREAD = Hue("#a89400", "#564b00", "#fff3a8")
"""Bytes in the kernel's buffer that the program has not read yet."""

_BY_KIND = {
    "client": _CLIENT,
    "listener": _LISTENER,
    "connection": _CONNECTION,
    "datagram": _DATAGRAM,
}


def kind_of(role: str) -> str:
    """Return the kind of a role: client, listener, connection, datagram or other."""
    first = role.partition(" ")[0]
    return first if first in _BY_KIND else "other"


def role_hue(kind: str) -> Hue:
    """Return the hue of a kind of role (see `kind_of`)."""
    return _BY_KIND.get(kind, _OTHER)


def ink_of(name: str) -> str:
    """Return the ink of a role's kind, or the ink of all words if `name` is not a role."""
    kind = kind_of(name)
    return INK if kind == "other" else role_hue(kind).ink


class StateLook(NamedTuple):
    """Look of a kernel state: `fill` and `hatch` of its area, `edge` around it, `ink` on it."""

    fill: str
    edge: str
    ink: str
    hatch: str = ""


_STATES = {
    "LISTEN": StateLook("#fbdcc6", _LISTENER.line, "#7d3500"),
    "SYN_SENT": StateLook("#d3ebfa", "#3b8fc2", "#00496f", "////"),
    "SYN_RECV": StateLook("#d3ebfa", "#3b8fc2", "#00496f", "\\\\\\\\"),
    "ESTABLISHED": StateLook("#c5ebdf", "#009e73", "#00523b"),
    "FIN_WAIT_1": StateLook("#f9efa0", "#a89400", "#564b00", "...."),
    "FIN_WAIT_2": StateLook("#f9efa0", "#a89400", "#564b00", "////"),
    "CLOSE_WAIT": StateLook("#fbe0a8", "#c28500", "#5e4000", "\\\\\\\\"),
    "CLOSING": StateLook("#fbe0a8", "#c28500", "#5e4000", "xxxx"),
    "LAST_ACK": StateLook("#f1d3e4", "#b05c8b", "#6d2b50", "////"),
    "TIME_WAIT": StateLook("#f1d3e4", "#b05c8b", "#6d2b50", "...."),
    "CLOSED": StateLook("#f6f7f8", "#8a919d", "#3f4651"),
    "closed": StateLook("#f6f7f8", "#8a919d", "#3f4651"),
    "unbound": StateLook("#f6f7f8", "#8a919d", "#3f4651"),
    "bound": StateLook("#f6e2ee", "#cc79a7", "#6d2b50"),
    "connected": StateLook("#e9bdd5", "#b05c8b", "#6d2b50"),
}


def look_of_state(state: str) -> StateLook:
    """Return the look of a kernel state; grey for a state that is not known here."""
    return _STATES.get(state, StateLook("#ffffff", "#8a919d", "#3f4651", "++++"))
