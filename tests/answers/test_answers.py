"""The bank of answers: right ones pass, wrong ones fail the named behaviour, with its hint.

Each file in tests/answers/EXERCISE/ is an answer as a learner may write it. A wrong one declares
what catches it: CAUGHT_BY, the behaviours that it must not show; ALSO, those that it may fail, too,
depending on timing; HINT, words of the hint for the first of them. On a busy machine it may fail
still more, which becomes a warning. (That no behaviour fails without a reason is shown by the right
answers.)
"""

import importlib.util
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import pytest

from sockets_lab import exercises
from sockets_lab.capabilities import has
from sockets_lab.exercises.harness.runner import Incomplete, Report, Result

BANK = Path(__file__).parent
EXERCISES = tuple(sorted(folder.name for folder in BANK.iterdir() if folder.is_dir()))
LEAST_RIGHT, LEAST_WRONG = 2, 6
CLASSES = {"decoder": "Decoder"}  # exercises that ask for a class have another name

caught: list[str] = []


class FailedMore(UserWarning):
    """A wrong answer failed what it does not fail on a quiet machine."""


def answers(kind: str) -> list[Path]:
    return sorted(BANK.glob(f"*/{kind}_*.py"))


def named(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"answer_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checked(path: Path, answer: ModuleType) -> Report:
    exercise = path.parent.name
    if exercise == "queue_depth" and not has("tcp-info"):
        pytest.skip("queue_depth cannot be tried without TCP_INFO")
    check: Callable[..., Report] = getattr(exercises, f"check_{exercise}")
    return check(getattr(answer, CLASSES.get(exercise, exercise)))


def not_tried(result: Result) -> bool:
    """Return True if this machine lacks what the behaviour needs; skipped is another thing."""
    return result.passed is None and not result.observed.startswith("skipped: earlier checks")


def as_tuple(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


@pytest.mark.parametrize("path", answers("right"), ids=named)
def test_right_answer_shows_every_behaviour(path: Path) -> None:
    report = checked(path, load(path))

    assert report.passed, str(report)
    report.require()


@pytest.mark.filterwarnings("default::tests.answers.test_answers.FailedMore")
@pytest.mark.parametrize("path", answers("wrong"), ids=named)
def test_wrong_answer_is_caught_with_its_hint(path: Path) -> None:
    answer = load(path)
    must = as_tuple(answer.CAUGHT_BY)
    may = as_tuple(getattr(answer, "ALSO", ()))

    report = checked(path, answer)
    failed = {result.name: result for result in report.results if result.passed is False}
    missed = [result for result in report.results if result.name in must and not_tried(result)]
    if missed:
        pytest.skip(f"what catches this mistake is not tried here: {missed[0].observed}")

    assert set(must) <= set(failed), str(report)
    for name in sorted(set(failed) - {*must, *may}):
        warnings.warn(FailedMore(f"{named(path)}: {name}"), stacklevel=1)
    assert answer.HINT in failed[must[0]].hint, str(report)
    with pytest.raises(Incomplete):
        report.require()
    caught.append(named(path))


@pytest.mark.parametrize("exercise", EXERCISES)
def test_bank_holds_enough_answers(exercise: str) -> None:
    right = [path for path in answers("right") if path.parent.name == exercise]
    wrong = [path for path in answers("wrong") if path.parent.name == exercise]

    assert len(right) >= LEAST_RIGHT
    assert len(wrong) >= LEAST_WRONG


def test_every_wrong_answer_says_what_is_wrong() -> None:
    docs = [load(path).__doc__ for path in answers("wrong")]

    assert all(docs)
    assert len(set(docs)) == len(docs)


def test_prints_how_many_wrong_answers_were_caught(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nwrong answers caught: {len(caught)} of {len(answers('wrong'))}")
