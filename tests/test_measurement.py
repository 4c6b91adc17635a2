"""Run an experiment where the machine can, else return its recording."""

import json
from pathlib import Path

import pytest

from sockets_lab import measured, open_listener, until, watch
from sockets_lab.kernel import History

WITH = "descriptors"  # any capability that this machine has while tests run


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder for recordings of a course without any."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "recorded").mkdir(parents=True)
    monkeypatch.setattr("sockets_lab.course_files.ROOTS", (tmp_path,))
    return tmp_path / "data" / "recorded"


def test_runs_where_the_machine_can(capsys: pytest.CaptureFixture[str]) -> None:
    assert measured("never_written", WITH, lambda: (1, 2)) == (1, 2)
    assert capsys.readouterr().out == ""


def test_writes_a_recording_only_when_asked(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured("numbers", WITH, lambda: (1, 2))
    assert list(data.iterdir()) == []
    monkeypatch.setenv("SOCKETS_LAB_RECORD", "1")
    measured("numbers", WITH, lambda: (1, 2))
    assert json.loads((data / "numbers.json").read_text())["value"] == [1, 2]


@pytest.mark.usefixtures("data")
def test_reads_the_recording_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOCKETS_LAB_RECORD", "1")
    measured("numbers", WITH, lambda: [1, 2])
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", WITH)
    assert measured("numbers", WITH, lambda: [3, 4]) == [1, 2]
    note = capsys.readouterr().out
    assert "not measured here" in note
    assert "switched off" in note


@pytest.mark.usefixtures("data")
def test_one_missing_capability_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_RECORD", "1")
    measured("numbers", WITH, lambda: [1, 2])
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "ipv6")
    assert measured("numbers", (WITH, "ipv6"), lambda: [3, 4]) == [1, 2]


@pytest.mark.usefixtures("data")
def test_recording_keeps_the_changes_of_a_history(monkeypatch: pytest.MonkeyPatch) -> None:
    def experiment() -> History:
        with open_listener() as listener, watch(listener) as history:
            until(lambda _: len(history) > 3, listener)
        return history

    monkeypatch.setenv("SOCKETS_LAB_RECORD", "1")
    before = measured("queue", WITH, experiment)
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", WITH)
    after = measured("queue", WITH, experiment)
    assert [each.snapshot for each in after] == [
        before.samples[0].snapshot,
        after.samples[-1].snapshot,
    ]
    assert after.samples[-1].snapshot == before.samples[-1].snapshot


@pytest.mark.usefixtures("data")
def test_refuses_a_name_without_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", WITH)
    with pytest.raises(FileNotFoundError, match="no such recording"):
        measured("nothing", WITH, lambda: 1)
