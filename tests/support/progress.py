"""A pytest plugin that shows what runs, and says last what was skipped and what failed.

With several processes a line is written for each group of tests that ends, in place of dots, and
when a long one begins.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sharing import expected_s, group

# What a reason for skipping holds -> how to get what is missing.
REMEDIES = {
    "chromium": "apt install chromium, or name a browser in CHROMIUM",
    "playwright": "make test installs it",
    "nft": "apt install nftables, and run as root or where user namespaces are allowed",
    "namespace": "run as root, or allow user namespaces (sockets-lab doctor says how)",
    "private network": "run as root, or allow user namespaces (sockets-lab doctor says how)",
    "ipv6": "give the loopback interface ::1",
    "ipv4": "give the loopback interface 127.0.0.1",
}
LONG_S = 20
MOST_LINES = 25  # of a failure at the end; the whole of it is above


class Progress:
    """Collects the reports of a run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shared = config.pluginmanager.hasplugin("dsession")
        self._left: Counter[str] = Counter()
        self._results: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._seconds: Counter[str] = Counter()
        self._begun: set[str] = set()

    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        self._left = Counter(group(nodeid) for nodeid in ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Name a group that takes long when it begins, so that a pause is explained."""
        name = group(nodeid)
        if self._shared and name not in self._begun and expected_s(name) >= LONG_S:
            self._terminal().write_line(f"  begins  {name}")
        self._begun.add(name)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not self._shared:
            return
        name = group(report.nodeid)
        self._seconds[name] += report.duration
        if report.failed:
            self._terminal().write_line(f"  FAILED  {report.nodeid}", red=True)
        if report.when == "call" or report.outcome != "passed":
            self._results[name][report.outcome] += 1
        if report.when == "teardown":
            self._left[name] -= 1
            if not self._left[name]:
                self._write(name)

    def _write(self, name: str) -> None:
        results = ", ".join(f"{count} {what}" for what, count in self._results[name].items())
        self._terminal().write_line(
            f"{self._seconds[name]:6.1f} s  {name}: {results}",
            red="failed" in self._results[name],
        )

    def _terminal(self) -> Any:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        terminal.ensure_newline()
        return terminal

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Write no letters: a failure has its line."""
        quiet = self._shared and isinstance(report, pytest.TestReport)
        if quiet and report.passed:
            return ("passed" if report.when == "call" else "", "", "")
        if quiet and report.failed:
            return ("failed" if report.when == "call" else "error", "", "")
        if quiet and report.skipped and not hasattr(report, "wasxfail"):
            return "skipped", "", ""
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        stats = terminalreporter.stats
        _section(terminalreporter, "not run here", _skipped(stats.get("skipped", [])))
        broken = [*stats.get("failed", []), *stats.get("error", [])]
        _section(terminalreporter, "what failed", [line for one in broken for line in _failed(one)])


def _section(terminal: Any, title: str, lines: list[str]) -> None:
    if lines:
        terminal.section(title)
        for line in lines:
            terminal.line(line)


def _skipped(reports: list[Any]) -> list[str]:
    reasons = Counter(_reason(report) for report in reports)
    return [f"{count:4} tests: {reason}{_remedy(reason)}" for reason, count in reasons.items()]


def _reason(report: Any) -> str:
    words = (
        report.longrepr[2] if isinstance(report.longrepr, tuple | list) else str(report.longrepr)
    )
    return words.removeprefix("Skipped: ")


def _remedy(reason: str) -> str:
    found = [how for what, how in REMEDIES.items() if what in reason.lower()]
    return f" ({found[0]})" if found else ""


def _failed(report: Any) -> Iterator[str]:
    """Name the test, or the notebook and its cell, and show what differed."""
    yield report.nodeid
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = (crash.message if crash else report.longreprtext).strip().splitlines()
    yield from (f"  {line}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"  ({len(lines) - MOST_LINES} more lines above)"


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config), "progress by group")
