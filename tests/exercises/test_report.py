"""A report is the same in text, in an accessible table and as JSON."""

import pytest

from sockets_lab.exercises.harness.report import REPORT_JSON, Incomplete, Report, Result

REPORT = Report(
    "serve_once",
    (
        Result("answers", True, "an answer"),
        Result("ends", False, "an end", "no <end>", "close it"),
        Result("flies", None, "wings", "no air"),
    ),
)


def test_report_is_text() -> None:
    assert str(REPORT) == (
        "serve_once: 1 of 2 behaviours ok, 1 not tried\n"
        "\n"
        "✓ ok         answers\n"
        "✗ not yet    ends\n"
        "             expected: an end\n"
        "             observed: no <end>\n"
        "             hint: close it\n"
        "· not tried  flies\n"
        "             reason: no air"
    )


def test_report_is_an_accessible_table() -> None:
    html = REPORT._repr_html_()

    assert "no &lt;end&gt;" in html
    assert html.count('scope="col"') == 2
    assert html.count('scope="row"') == 3
    assert "<caption" in html
    for word in ("ok", "not yet", "not tried"):
        assert f"</span> {word}</th>" in html


def test_report_is_json_for_programs() -> None:
    bundle = REPORT._repr_mimebundle_()

    assert set(bundle) == {"text/plain", "text/html", REPORT_JSON}
    assert bundle[REPORT_JSON]["title"] == "serve_once"
    assert (bundle[REPORT_JSON]["shown"], bundle[REPORT_JSON]["tried"]) == (1, 2)
    assert bundle[REPORT_JSON]["results"][1]["hint"] == "close it"


def test_require_raises_the_report() -> None:
    with pytest.raises(Incomplete, match="no <end>"):
        REPORT.require()


def test_report_of_nothing_does_not_pass() -> None:
    assert not Report("seven", ()).passed
