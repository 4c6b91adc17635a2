"""Runs a learner's function against real peers, behaviour by behaviour.

Each behaviour is tried by a probe: it sets a scene of real sockets on a `Sandbox`, lets the
learner's
function run there, and raises `Failed` where the kernel or a client saw something else. Every
function runs in the background under a deadline, so that no answer can hang a check; what it raises
becomes what was observed. Probes judge by what they see from outside, never by the source.
"""

import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sockets_lab.capabilities import capability
from sockets_lab.exercises.harness.report import Incomplete, Report, Result
from sockets_lab.exercises.harness.sandbox import (
    Failed,
    NotAvailable,
    NotStarted,
    Sandbox,
    TimedOut,
    Trial,
    described,
)

__all__ = [
    "Behaviour",
    "Failed",
    "Incomplete",
    "NotAvailable",
    "NotStarted",
    "Report",
    "Result",
    "Sandbox",
    "TimedOut",
    "Trial",
    "behaviour",
    "described",
    "run",
]

DEADLINE_S = 2.0
_PATIENCE = 2  # behaviours that may hang before the rest is left for the next time
_AGAIN = "does the same over IPv6"
_GAVE_UP = "earlier behaviours came to no end: mend those first"
_IPV4_FIRST = "it is tried when everything is shown over IPv4"
_WAITS = "something is waited for that does not come, or a loop does not stop"
_NOT_STARTED = "not started yet: write the function's body, and return what it is asked for"
_NOTHING_TRIED = "cannot be tried on this machine"

Answer = Callable[..., Any]


class Behaviour(NamedTuple):
    """One thing that an answer must show.

    `name` says it with a verb; `expected` is what a client or the kernel sees when it is shown;
    `hint` points to the usual cause when it is not; `probe` tries it; `needs` names the capability
    (see `sockets_lab.capabilities`) without which it cannot be tried.
    """

    name: str
    expected: str
    hint: str
    probe: Callable[[Sandbox], None]
    needs: str = ""


def behaviour(
    name: str, *, expected: str, hint: str, needs: str = ""
) -> Callable[[Callable[[Sandbox], None]], Behaviour]:
    """Make a `Behaviour` of the probe that stands below these words."""
    return lambda probe: Behaviour(name, expected, hint, probe, needs)


def run(
    title: str,
    behaviours: Iterable[Behaviour],
    answer: Answer,
    *,
    deadline_s: float = DEADLINE_S,
    over_ipv6: str = "",
) -> Report:
    """Try `behaviours` on the function `answer`, each within `deadline_s` seconds.

    With a hint in `over_ipv6`, every behaviour shown over IPv4 is tried over IPv6 too, and counts
    as one more behaviour.

    Raises TypeError when `answer` is no function.
    """
    if not callable(answer):
        raise TypeError(f"give the function itself, as in check({title}), not {answer!r}")
    battery = _Runner(answer, tuple(behaviours), deadline_s)
    try:
        outcomes = battery.over_ipv4()
        if over_ipv6:
            outcomes.append(battery.again(outcomes, over_ipv6))
    except NotStarted:
        outcomes = [Result(each.name, None, each.expected) for each in battery.behaviours]
        return Report(title, tuple(outcomes), _NOT_STARTED)
    tried = any(outcome.passed is not None for outcome in outcomes)
    return Report(title, tuple(outcomes), "" if tried else _NOTHING_TRIED)


class _Runner(NamedTuple):
    """One answer, and everything that it is tried with."""

    answer: Answer
    behaviours: Sequence[Behaviour]
    deadline_s: float

    def over_ipv4(self) -> list[Result]:
        outcomes: list[Result] = []
        hung = 0
        for behaviour in self.behaviours:
            if hung >= _PATIENCE:
                outcomes.append(_not_tried(behaviour, _GAVE_UP))
                continue
            problem = self.problem(behaviour, socket.AF_INET)
            hung += isinstance(problem, TimedOut)
            outcomes.append(_outcome(behaviour, problem))
        return outcomes

    def again(self, outcomes: Sequence[Result], hint: str) -> Result:
        """Try over IPv6 what is shown over IPv4; the first that is not shown there counts."""
        expected = "the same as over IPv4"
        ipv6 = capability("ipv6")
        if not ipv6.has:
            return Result(_AGAIN, None, expected, ipv6.lacking)
        pairs = list(zip(self.behaviours, outcomes, strict=True))
        shown = [behaviour for behaviour, outcome in pairs if outcome.passed]
        if not shown or any(outcome.passed is False for outcome in outcomes):
            return Result(_AGAIN, None, expected, _IPV4_FIRST)
        for behaviour in shown:
            problem = self.problem(behaviour, socket.AF_INET6)
            if isinstance(problem, Failed):
                return Result(_AGAIN, False, expected, f"{behaviour.name}: {problem}", hint)
        return Result(_AGAIN, True, expected)

    def problem(
        self, behaviour: Behaviour, family: socket.AddressFamily
    ) -> Failed | NotAvailable | None:
        """Return what was seen instead of `behaviour`, or None when it is shown."""
        if behaviour.needs and not capability(behaviour.needs).has:
            return NotAvailable(capability(behaviour.needs).lacking)
        try:
            with Sandbox(self.answer, family, self.deadline_s) as bench:
                behaviour.probe(bench)
        except (Failed, NotAvailable) as problem:
            return problem.with_traceback(None)
        except NotStarted:
            if behaviour is self.behaviours[0]:
                raise
            return Failed("nothing: the function gives back no result here")
        return None


def _outcome(behaviour: Behaviour, problem: Failed | NotAvailable | None) -> Result:
    if isinstance(problem, NotAvailable):
        return _not_tried(behaviour, str(problem))
    if problem is None:
        return Result(behaviour.name, True, behaviour.expected)
    expected, hint = problem.expected or behaviour.expected, problem.hint or behaviour.hint
    if isinstance(problem, TimedOut) and not problem.hint:
        hint = f"{_WAITS}; {hint}"
    return Result(behaviour.name, False, expected, str(problem), hint)


def _not_tried(behaviour: Behaviour, why: str) -> Result:
    return Result(behaviour.name, None, behaviour.expected, why)
