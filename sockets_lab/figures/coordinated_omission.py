"""Coordinated omission: one load, timed from when messages were due and from the send."""

from typing import TYPE_CHECKING

from sockets_lab.figures.canvas.card import house_settings
from sockets_lab.figures.canvas.claims import JudgedClaim, compared
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.figures.canvas.series import looks_of
from sockets_lab.figures.percentiles import Curve, Gap, draw_curves, name_of

if TYPE_CHECKING:  # a picture of something else should not pay for it
    from sockets_lab.load import Latencies, Result

__all__ = ["coordinated_omission"]

_DUE, _SENT, _CLOSED = "from when it was due", "from when it was sent", "closed loop"
_LEFT_OUT = (("left out: the wait", "for a connection", "that is free"), ("left out",))


def coordinated_omission(
    opened: "Result",
    closed: "Result | None" = None,
    *,
    percent: float = 99,
    factor: float = 10,
    title: str = "What counting from the send leaves out",
) -> Picture:
    """Draw
    the
    latencies
    of
    an
    open
    loop,
    from
    when
    each
    message
    was
    due
    and
    from
    when
    it
    was
    sent.

    The area between is
    what
    nobody
    sees
    who
    counts
    from
    the
    send:
    the
    wait
    for
    a
    connection
    that
    was free.
    `closed`
    adds
    a
    closed
    loop
    on
    the
    same
    server.
    The
    words
    claim
    that
    at
    `percent`
    the
    first is more than `factor`
    times
    each
    of
    the
    others,
    and
    say
    whether
    that
    is
    true
    here.

    Raises ValueError for
    a
    result
    that
    is
    no
    open
    loop's.

    """
    if opened.corrected is None:
        raise ValueError(f"this is the result of a {opened.load}: give one of an OpenLoop first")
    groups = {_DUE: opened.corrected, _SENT: opened.latencies}
    if closed is not None:
        groups[_CLOSED] = closed.latencies
    looks = looks_of(["threaded", "selectors_loop", "serial"])
    curves = [
        Curve.of(name, latencies, look)
        for (name, latencies), look in zip(groups.items(), looks.values(), strict=False)
    ]
    rulings = [_ruling(groups, other, percent, factor) for other in list(groups)[1:]]
    words = [f"latency of a message, to the longest: {', '.join(groups)}", *map(str, rulings)]
    with house_settings():
        figure = draw_curves(curves, rulings, title, Gap(0, 1, _LEFT_OUT))
        return Picture(figure, "\n".join(words))


def _ruling(
    groups: "dict[str, Latencies]", other: str, percent: float, factor: float
) -> JudgedClaim:
    more, less = (groups[name].percentile_s(percent) for name in (_DUE, other))
    subject = f"counted from when it was due, {name_of(percent)}"
    than = "that of a closed loop" if other == _CLOSED else f"that {other}"
    return compared(subject, factor, than, more, less)
