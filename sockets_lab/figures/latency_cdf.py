"""How latency is distributed, way by way, with the tail as wide as the rest."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sockets_lab.figures.canvas.card import house_settings
from sockets_lab.figures.canvas.claims import JudgedClaim, compared
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.figures.canvas.series import looks_of
from sockets_lab.figures.percentiles import Curve, draw_curves, name_of

if TYPE_CHECKING:  # a picture of something else should not pay for it
    from sockets_lab.load import Latencies

__all__ = ["latency_cdf"]

Claim = tuple[str, float, str, float]


def latency_cdf(
    groups: "Mapping[str, Latencies]",
    *,
    claims: Sequence[Claim] = (),
    title: str = "How long messages took",
) -> Picture:
    """Draw distributions of latency (CDF) against an axis of nines: 90 %, 99 %, 99.9 % and so on.

    `groups` holds the latencies by what was measured, such as `result.latencies` by server model;
    at most nine. Each of `claims` is (slow, factor, fast, percent): "the percentile of slow is more
    than factor times that of fast". Times differ by the run, so the words tell only whether each
    claim is true here; 100 as percent means the longest.

    Raises ValueError for no groups, for one without messages, and for claims about others.
    """
    if not groups:
        raise ValueError("nothing to draw: give at least one group of latencies")
    for name, latencies in groups.items():
        if not latencies.count:
            raise ValueError(f"no message was counted for {name!r}: leave it out")
    rulings = [_ruling(claim, groups) for claim in claims]
    looks = looks_of(list(groups))
    curves = [Curve.of(name, latencies, looks[name]) for name, latencies in groups.items()]
    words = [f"distributions of latency, to the longest: {', '.join(groups)}", *map(str, rulings)]
    with house_settings():
        return Picture(draw_curves(curves, rulings, title), "\n".join(words))


def _ruling(claim: Claim, groups: "Mapping[str, Latencies]") -> JudgedClaim:
    slow, factor, fast, percent = claim
    for name in (slow, fast):
        if name not in groups:
            raise ValueError(f"no latencies of {name!r}: there is {', '.join(groups)}")
    more, less = (groups[name].percentile_s(percent) for name in (slow, fast))
    return compared(f"{name_of(percent)} of {slow}", factor, f"that of {fast}", more, less)
