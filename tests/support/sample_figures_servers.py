"""Hand-made costs and tasks of servers, and pictures of them."""

from collections.abc import Callable

from sockets_lab.figures import Picture, Waiting, cost_ratios, task_timeline, waiting_costs
from sockets_lab.recording import Step, Timeline

WAITS = (
    Waiting("blocking", 1, 0.00005),
    Waiting("polling", 162_989, 0.205),
    Waiting("napping", 81, 0.0021),
    Waiting("multiplexed", 2, 0.00006),
    Waiting("signalled", 2, 0.0001),
    Waiting("asynchronous", 3, 0.00012),
)


def waits() -> Picture:
    """Draw ways to wait with three claims, one of them false."""
    claims = [
        ("calls", "polling", 100, "napping"),
        ("time", "polling", 10, "blocking"),
        ("time", "blocking", 10, "polling"),
    ]
    return waiting_costs(WAITS, claims=claims)


RATIOS = {
    "a server with a long name, written in full": (0.93, 1.0, 1.11),
    "plain asyncio streams": (3.56, 4.07, 4.36),
    "C epoll": (1.0, 1.0, 1.0),
    "selectors_loop": (1.19, 1.28, 1.31),
}


def ratios() -> Picture:
    return cost_ratios(RATIOS, base="C epoll", title="Echo", across="CPU time of a message")


def timeline(steps: dict[str, list[tuple[float, float]]], **ends: str) -> Timeline:
    made = Timeline()
    made.steps = {name: [Step(*each) for each in some] for name, some in steps.items()}
    made.ends = {name.replace("_", " "): end for name, end in ends.items()}
    return made


def blocked() -> Timeline:
    """Return a heartbeat that pauses while another task computes, and a task that failed."""
    beats = [(at / 100, at / 100 + 0.0001) for at in (0, 1, 2, 3, 24, 25, 26)]
    return timeline(
        {"heart": beats, "the other": [(0.0002, 0.0003), (0.035, 0.235)], "cut off": [(0.3, 0.3)]},
        heart="returned",
        cut_off="raised ConnectionResetError",
    )


SERVER_PICTURES: dict[str, Callable[[], Picture]] = {
    "ways to wait": waits,
    "one way to wait": lambda: waiting_costs([Waiting("a way", 1, 0.0)]),
    "cost ratios": ratios,
    "one cost ratio": lambda: cost_ratios({"a": (20.0, 40.0, 60.0)}, base="b", title="a and b"),
    "tasks": lambda: task_timeline(blocked(), title="A coroutine that blocks"),
    "one task": lambda: task_timeline(timeline({"a": [(0.0, 0.0)]})),
}
