"""Hand-made latencies and loads, and pictures of them."""

import random
from collections.abc import Callable

from sockets_lab.figures import Picture, Scale, coordinated_omission, latency_cdf, scaling
from sockets_lab.load import Latencies, Result

MODELS = (
    *("serial", "threaded", "pooled", "preforked", "selectors_loop", "epoll_loop"),
    *("asyncio_streams", "coroutine_loop", "trio_streams"),
)


def bell(median_s: float, *, messages: int = 20_000, width: float = 0.35) -> list[int]:
    """Return latencies in nanoseconds around a median, a few of them far above."""
    chance = random.Random(median_s)
    return [
        int(median_s * 1e9 * chance.lognormvariate(0, width * (3 if at % 500 == 0 else 1)))
        for at in range(messages)
    ]


def latencies(median_s: float, **more: float) -> Latencies:
    return Latencies.of(bell(median_s, **more))


def three() -> Picture:
    """Draw three models, one of which serves its clients one after the other."""
    groups = {
        "serial": latencies(0.05, width=1.1),
        "threaded": latencies(0.0021),
        "selectors_loop": latencies(0.0006),
    }
    claims = [("serial", 10, "selectors_loop", 99), ("selectors_loop", 1, "threaded", 50)]
    return latency_cdf(groups, claims=claims)


def nine() -> Picture:
    """Draw as many models as there are looks, most of them close together."""
    medians = (0.05, 0.0021, 0.002, 0.0019, 0.0018, 0.0017, 0.0016, 0.0015, 0.0014)
    return latency_cdf({name: latencies(each) for name, each in zip(MODELS, medians, strict=True)})


def one() -> Picture:
    return latency_cdf({"a server": Latencies.of([1_000_000])})


def few() -> Picture:
    """Draw twenty messages beside a million, and a name that is not a server model."""
    groups = {
        "during the download of a file": Latencies.of(range(10**6, 21 * 10**6, 10**6)),
        "alone": Latencies.of([*[60_000] * 500_000, *[90_000] * 490_000, *[10**6] * 10_000]),
    }
    return latency_cdf(groups, claims=[("alone", 1, "during the download of a file", 100)])


def stalled(load: str = "open loop", *, every: int = 10, stall_s: float = 0.1) -> Result:
    """Return the result of a server that stalls for a tenth of the time, at 1,000 messages/s."""
    due, sent = [], bell(0.00007, messages=10_000)
    for at, latency in enumerate(sent):
        within = at % 1000
        waited = max(0.0, stall_s - within / 1000) if within < 1000 / every else 0.0
        if within < 4 and waited:
            sent[at] = int(waited * 1e9)
        due.append(max(sent[at], int(waited * 1e9) + latency))
    corrected = Latencies.of(due) if load == "open loop" else None
    return Result(
        *(load, 4, 64, 10_000, 10_000, 10.0, Latencies.of(sent), corrected, 0),
        *(0.5, 0.05, 0.6, 0.06, {}, ""),
    )


def growth(first: float, decline: float, each: float, counts: tuple[int, ...]) -> list[Scale]:
    return [Scale(n, first * n**-decline, None if n < 10 else each * n) for n in counts]


COUNTS = (1, 10, 100, 1000, 9000)


def scaled() -> Picture:
    rows = {
        "threaded": growth(30_000, 0.25, 20_000, COUNTS[:4]),
        "selectors_loop": growth(55_000, 0.03, 700, COUNTS),
        "asyncio_streams": growth(24_000, 0.04, 5_300, COUNTS),
    }
    claims = [
        ("memory", "threaded", 10, "selectors_loop"),
        ("throughput", "asyncio_streams", 1, "selectors_loop"),
    ]
    return scaling(rows, claims=claims)


def scaled_nine() -> Picture:
    return scaling(
        {
            name: growth(20_000 + 1000 * at, 0.02, 900 + 100 * at, COUNTS)
            for at, name in enumerate(MODELS)
        }
    )


LOAD_PICTURES: dict[str, Callable[[], Picture]] = {
    "latencies": three,
    "latencies of nine models": nine,
    "one latency": one,
    "few latencies beside many": few,
    "coordinated omission": lambda: coordinated_omission(stalled(), stalled("closed loop")),
    "no coordinated omission": lambda: coordinated_omission(stalled(stall_s=0.0)),
    "scaling": scaled,
    "scaling of nine models": scaled_nine,
    "scaling of one": lambda: scaling({"a server": [Scale(100, 50_000, None)]}),
}
