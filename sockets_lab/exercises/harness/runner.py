"""Run a learner's function against real peers, behaviour by behaviour.

A probe tries one behaviour: it makes real sockets in a `Sandbox`, runs the learner's function there
and raises `Failed` where the kernel or a client saw something else. Every function runs in the
background under a deadline, so that no answer can hang a check; what it raises becomes what was
observed. Probes judge by what they see from outside, never by the source.

A chapter keeps its probes in a `Behaviours`, which registers each one where it is defined.
"""

import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sockets_lab.capabilities import Unavailable, capability
from sockets_lab.exercises.harness.report import Incomplete, Report, Result
from sockets_lab.exercises.harness.sandbox import (
    Failed,
    NotStarted,
    Sandbox,
    TimedOut,
    Trial,
    described,
)

__all__ = [
    "Behaviour",
    "Behaviours",
    "Failed",
    "Incomplete",
    "NotStarted",
    "Report",
    "Result",
    "Sandbox",
    "TimedOut",
    "Trial",
    "described",
    "run",
]

DEADLINE_S = 2.0
_MOST_TIMEOUTS = 2  # behaviours that may time out before the rest is skipped
_OVER_IPV6 = "does the same over IPv6"
_SAME = "the same as over IPv4"
_SKIPPED = "skipped: earlier checks timed out; fix those first"
_IPV4_FIRST = "skipped: it is tried when everything works over IPv4"
_WAITS = "a call waits for something that does not come, or a loop does not stop"
_NOT_STARTED = "not started yet: write the function's body, and return what it is asked for"
_NOTHING_TRIED = "cannot be tried on this machine"

Answer = Callable[..., Any]
Probe = Callable[[Sandbox], None]


class Behaviour(NamedTuple):
    """One thing that an answer must show.

    `name` says it with a verb; `expected` is what a client or the kernel sees when it is shown;
    `hint` points to the usual cause when it is not; `probe` tries it; `needs` names the capability
    (see `sockets_lab.capabilities`) without which it cannot be tried; `over_ipv6` is False where
    the family plays no part, so that trying it once is enough.
    """

    name: str
    expected: str
    hint: str
    probe: Probe
    needs: str = ""
    over_ipv6: bool = True


class Behaviours:
    """The behaviours of one exercise, in the order in which they are defined.

    `title` names the learner's function; each behaviour has `deadline_s` seconds. With a hint in
    `over_ipv6`, behaviours shown over IPv4 are tried over IPv6, too.
    """

    def __init__(self, title: str, *, deadline_s: float = DEADLINE_S, over_ipv6: str = "") -> None:
        self.all: list[Behaviour] = []
        self._title = title
        self._deadline_s = deadline_s
        self._over_ipv6 = over_ipv6

    def __call__(
        self, name: str, *, expected: str, hint: str, needs: str = "", over_ipv6: bool = True
    ) -> Callable[[Probe], Behaviour]:
        """Return a decorator that registers the probe under it as a behaviour."""
        return lambda probe: self.add(Behaviour(name, expected, hint, probe, needs, over_ipv6))

    def add(self, behaviour: Behaviour) -> Behaviour:
        """Register `behaviour` after those that are there; return it."""
        self.all.append(behaviour)
        return behaviour

    def check(self, answer: Answer) -> Report:
        """Try all behaviours on the function `answer`; raise TypeError if it is not callable."""
        return run(
            self._title, self.all, answer, deadline_s=self._deadline_s, over_ipv6=self._over_ipv6
        )


def run(
    title: str,
    behaviours: Iterable[Behaviour],
    answer: Answer,
    *,
    deadline_s: float = DEADLINE_S,
    over_ipv6: str = "",
) -> Report:
    """Try `behaviours` on the function `answer`, each within `deadline_s` seconds.

    With a hint in `over_ipv6`, the behaviours shown over IPv4 are tried over IPv6, too, and count
    as one more behaviour.

    Raises TypeError when `answer` is not callable.
    """
    if not callable(answer):
        raise TypeError(f"give the function itself, as in check({title}), not {answer!r}")
    runner = _Runner(answer, tuple(behaviours), deadline_s)
    try:
        results = runner.over_ipv4()
        if over_ipv6:
            results.append(runner.over_ipv6(results, over_ipv6))
    except NotStarted:
        results = [Result(each.name, None, each.expected) for each in runner.behaviours]
        return Report(title, tuple(results), _NOT_STARTED)
    tried = any(result.passed is not None for result in results)
    return Report(title, tuple(results), "" if tried else _NOTHING_TRIED)


class _Runner(NamedTuple):
    """One answer, and everything that it is tried with."""

    answer: Answer
    behaviours: Sequence[Behaviour]
    deadline_s: float

    def over_ipv4(self) -> list[Result]:
        results: list[Result] = []
        timeouts = 0
        for behaviour in self.behaviours:
            if timeouts >= _MOST_TIMEOUTS:
                results.append(_not_tried(behaviour, _SKIPPED))
                continue
            problem = self.problem(behaviour, socket.AF_INET)
            timeouts += isinstance(problem, TimedOut)
            results.append(_result(behaviour, problem))
        return results

    def over_ipv6(self, results: Sequence[Result], hint: str) -> Result:
        """Try over IPv6 what is shown over IPv4; stop at the first that is not shown."""
        ipv6 = capability("ipv6")
        if not ipv6.has:
            return Result(_OVER_IPV6, None, _SAME, ipv6.lacking)
        pairs = list(zip(self.behaviours, results, strict=True))
        shown = [behaviour for behaviour, result in pairs if result.passed]
        if not shown or any(result.passed is False for result in results):
            return Result(_OVER_IPV6, None, _SAME, _IPV4_FIRST)
        for behaviour in shown:
            problem = self.problem(behaviour, socket.AF_INET6) if behaviour.over_ipv6 else None
            if isinstance(problem, Failed):
                return Result(_OVER_IPV6, False, _SAME, f"{behaviour.name}: {problem}", hint)
        return Result(_OVER_IPV6, True, _SAME)

    def problem(
        self, behaviour: Behaviour, family: socket.AddressFamily
    ) -> Failed | Unavailable | None:
        """Return what was seen instead of `behaviour`, or None when it is shown."""
        if behaviour.needs and not capability(behaviour.needs).has:
            return Unavailable(capability(behaviour.needs).lacking)
        try:
            with Sandbox(self.answer, family, self.deadline_s) as sandbox:
                behaviour.probe(sandbox)
        except (Failed, Unavailable) as problem:
            return problem.with_traceback(None)
        except NotStarted:
            if behaviour is self.behaviours[0]:
                raise
            return Failed("nothing: the function returns no result here")
        return None


def _result(behaviour: Behaviour, problem: Failed | Unavailable | None) -> Result:
    if isinstance(problem, Unavailable):
        return _not_tried(behaviour, str(problem))
    if problem is None:
        return Result(behaviour.name, True, behaviour.expected)
    expected, hint = problem.expected or behaviour.expected, problem.hint or behaviour.hint
    if isinstance(problem, TimedOut) and not problem.hint:
        hint = f"{_WAITS}; {hint}"
    return Result(behaviour.name, False, expected, str(problem), hint)


def _not_tried(behaviour: Behaviour, why: str) -> Result:
    return Result(behaviour.name, None, behaviour.expected, why)
