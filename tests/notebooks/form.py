"""The form a saved notebook must have; each rule yields what is wrong, in words."""

import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from tests.notebooks.rules import code_cells, is_exempt, needs, tags
from tests.notebooks.solutions import exercises, report, solution_code

__all__ = ["MACHINE_PATH", "RULES"]

MOST_BYTES = 300_000
MOST_LINES = 25
MOST_EXEMPT = 3
OUR_TAGS = {"exercise", "check", "solution", "raises-exception", "nbval-ignore-output"}
NBVAL_COMMENT = re.compile(r"^\s*#\s*(NBVAL|PYTEST_VALIDATE)_", re.MULTILINE)
MACHINE_PATH = re.compile(
    r"/(?:home|root|Users|tmp|work|usr|opt|private|var|nix)/[\w.-]"
    r"|~/|site-packages|[A-Za-z]:\\+\w|ipykernel_\d"
)
IMAGE = re.compile(r"<img\b[^>]*>|!\[(?P<words>[^\]]*)\]\(")
ALT = re.compile(r"""\balt=("[^"]+"|'[^']+')""")


def is_counted(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Hold a notebook to one clean run, from its first cell to its last."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, not 1 to {len(counts)}"


def is_small(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Quick to open and to review."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        yield f"{size} bytes are more than {MOST_BYTES}"


def has_short_cells(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """One concept a cell."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        lines = len(cell.source.splitlines())
        if lines > MOST_LINES:
            yield f"cell {number} has {lines} lines, more than {MOST_LINES}"


def has_known_tags(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """No tag misspelt, no cell skipped, and nothing of validation in the learner's code."""
    for cell in notebook.cells:
        for tag in tags(cell):
            if tag not in OUR_TAGS and not tag.startswith("needs-"):
                yield f"unknown tag {tag!r}"
        try:
            needs(cell)
        except ValueError as error:
            yield str(error)
        if NBVAL_COMMENT.search(cell.source):
            yield f"tags steer validation, not a comment: {cell.source!r}"


def has_few_exempt_cells(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Only measured numbers escape comparison."""
    exempt = sum(is_exempt(cell) for cell in code_cells(notebook))
    if exempt > MOST_EXEMPT:
        yield f"{exempt} cells are exempt from comparison, more than {MOST_EXEMPT}"


def has_calm_outputs(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """No error but those that are shown on purpose, nothing on stderr, nothing of a machine."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in tags(cell):
                yield f"cell {number} ends in {output.ename}: {output.evalue}"
            if output.get("name") == "stderr":
                yield f"cell {number} writes to stderr: {output.text!r}"
            for found in MACHINE_PATH.findall(_all_text(output)):
                yield f"cell {number} shows a path of one machine: {found!r}"


def has_words_for_pictures(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Ask for words beside every picture."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for cell in code_cells(notebook):
        texts += [output.data.get("text/html", "") for output in cell.outputs if "data" in output]
        texts += ["<img>" for output in cell.outputs if _is_bare_picture(output)]
    for text in texts:
        for image in IMAGE.finditer(text):
            if not image["words"] and not ALT.search(image[0]):
                yield f"a picture without words: {image[0][:80]!r}"


def has_clean_metadata(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Nothing that differs from one machine to the next."""
    if set(notebook.metadata) != {"kernelspec", "language_info"}:
        yield f"the notebook's metadata are {sorted(notebook.metadata)}"
    chapter = path.stem.partition("_")[0]
    ids = [f"{chapter}-{number:02}" for number in range(1, len(notebook.cells) + 1)]
    if [cell.id for cell in notebook.cells] != ids:
        yield f"cell ids are not {ids[0]} to {ids[-1]}"


def has_whole_exercises(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Each exercise has a starting point that does not pass, a check and a hidden solution."""
    try:
        found = exercises(notebook)
        for one in found:
            solution_code(one.solution)
    except ValueError as error:
        yield str(error)
        return
    for one in found:
        outcome = report(one.check.outputs)
        if outcome is None or outcome["passed"]:
            yield f"the check of an exercise was saved with the report {outcome}"


def _is_bare_picture(output: NotebookNode) -> bool:
    data = output.get("data", {})
    return "image/png" in data and "text/html" not in data


def _all_text(output: NotebookNode) -> str:
    texts = [output.get("text", ""), *map(str, output.get("traceback", ()))]
    for kind, value in output.get("data", {}).items():
        texts.append("" if kind.startswith("image/") else _without_pixels(str(value)))
    return "\n".join(texts)


def _without_pixels(text: str) -> str:
    return re.sub(r"data:image/png;base64,[A-Za-z0-9+/=\s]+", "", text)


RULES = (
    is_counted,
    is_small,
    has_short_cells,
    has_known_tags,
    has_few_exempt_cells,
    has_calm_outputs,
    has_words_for_pictures,
    has_clean_metadata,
    has_whole_exercises,
)
