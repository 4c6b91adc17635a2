"""The command line: `sockets-lab open`, `doctor`, `check` and `bench`.

A command reads its arguments, calls a room and prints the result. It imports what it needs inside
its function, so that `sockets-lab --help` is quick. Results go to standard output, progress and
errors to standard error.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sockets_lab.course import CHAPTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockets_lab.workspace import Checked, Copy

__all__ = ["app", "main"]

FOLDER = "my-course"
START = CHAPTERS[0].file
FAILED, USAGE, INTERRUPTED = 1, 2, 130

EXAMPLES = """\b
Examples:
  sockets-lab open                     open your copy in my-course, in JupyterLab
  sockets-lab open --no-browser        the same on a machine without a browser
  sockets-lab doctor                   show what this machine can do
  sockets-lab check my-course          run all notebooks and check the exercises
  sockets-lab bench                    measure what servers cost on this machine
"""

app = typer.Typer(
    help="A course on server sockets that you run on your own machine.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: quick, and clear in a screen reader
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; characters that the terminal's encoding lacks are shown as `?`."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are text streams
    app(prog_name="sockets-lab")


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        from sockets_lab import __version__

        typer.echo(f"sockets-lab {__version__}")
        raise typer.Exit


@app.command("open", epilog="For example: sockets-lab open my-course -- --port 9000")
def open_course(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="The folder of your copy.")
    ] = FOLDER,
    lab_options: Annotated[
        list[str] | None, typer.Argument(metavar="OPTION", help="Options for JupyterLab, after --.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    copy_only: Annotated[
        bool, typer.Option("--copy-only", help="Make or update the copy, and stop.")
    ] = False,
) -> None:
    """Make or update your copy of the course, and open it in JupyterLab.

    Chapters that you changed are never overwritten: a newer version is put beside yours.
    """
    options = list(lab_options or [])
    if folder.startswith("-"):  # `open -- --port 9000`: no folder was named
        options.insert(0, folder)
        folder = FOLDER
    _show_updates(_updated_copy(Path(folder)))
    if not copy_only:
        from sockets_lab.workspace import run_lab

        typer.echo("\nJupyterLab starts now; press Ctrl-C in this window to stop it")
        raise typer.Exit(run_lab(Path(folder), START, browser, options))


@app.command(
    short_help="Show what this machine can do, and how to get the rest.",
    epilog="For example: sockets-lab doctor --json > my-machine.json",
)
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show what this machine can do in the course, and how to get what it lacks."""
    from sockets_lab.capabilities import all_capabilities, machine
    from sockets_lab.cli import pages
    from sockets_lab.cli.progress import working

    with working("trying what this machine can do"):
        facts = machine()
        # "front-end" is about notebooks: it is never there on the command line.
        capabilities = [one for one in all_capabilities() if one.name != "front-end"]
    if as_json:
        found = {
            "machine": facts._asdict(),
            "capabilities": [one._asdict() for one in capabilities],
        }
        typer.echo(json.dumps(found, indent=2))
    else:
        pages.show(pages.machine_page(facts), pages.capabilities_page(capabilities))


@app.command(
    short_help="Run your notebooks, and show how far your exercises are.",
    epilog="For example: sockets-lab check my-course/02_bind_listen_accept.ipynb",
)
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help=f"Notebooks, or folders of them.  [default: {FOLDER}]"),
    ] = None,
    timeout_s: Annotated[
        int, typer.Option("--timeout", min=1, metavar="SECONDS", help="Time limit for one cell.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Run your notebooks from top to bottom, and show how far your exercises are.

    Your files are not changed. The exit status is 0 if every cell runs and every exercise that you
    started is complete, 1 if not, and 2 if a name is wrong.
    """
    from sockets_lab.cli import pages

    results = _check_all(paths or [Path(FOLDER)], timeout_s)
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in results], indent=2))
    else:
        pages.show(*map(pages.notebook_page, results), pages.summary(results))
    raise typer.Exit(0 if all(one.passed for one in results) else FAILED)


@app.command(
    short_help="Measure the course's servers and their peers, side by side.",
    epilog="For example: sockets-lab bench --rounds 3 --table echo",
)
def bench(
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, max=100, help="How many times each is measured.")
    ] = 15,
    messages: Annotated[
        int, typer.Option("--messages", min=100, max=1_000_000, help="Messages in a measurement.")
    ] = 30_000,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--table", metavar="NAME", help="echo, churn, memory, crowd, handshake or steps.  [all]"
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="The folder for the results.")
    ] = Path("bench"),
) -> None:
    """Measure what the course's servers and their peers cost on this machine, side by side.

    It takes minutes, and uses loopback only. Tables, pictures and a description of the machine are
    saved in a folder. The numbers are steadier with a second core and nothing else running.
    """
    from sockets_lab.bench import Plan, entrants, measure
    from sockets_lab.cli import benches, pages
    from sockets_lab.cli.progress import Steps

    try:
        with entrants() as every_entrant, Steps() as steps:
            results = measure(
                Plan(rounds=rounds, messages=messages), every_entrant, names or (), steps.show
            )
    except LookupError as error:
        _fail(str(error), USAGE)
    except KeyboardInterrupt:
        _fail("interrupted: nothing was saved", INTERRUPTED)
    pages.show(*benches.pages_of(results))
    for path in benches.save_all(results, folder):
        typer.echo(f"saved {str(path)!r}")


def _updated_copy(folder: Path) -> "Copy":
    from sockets_lab import __version__
    from sockets_lab.workspace import bring_up_to_date

    try:
        return bring_up_to_date(folder, __version__)
    except ValueError as error:
        _fail(str(error), USAGE)
    except OSError as error:
        _fail(
            f"cannot make or update a copy in {str(folder)!r} "
            f"({error.strerror}: {error.filename!r}); "
            "choose another folder: sockets-lab open FOLDER",
            FAILED,
        )


def _show_updates(copy: "Copy") -> None:
    if copy.warning:
        typer.echo(f"sockets-lab: {copy.warning}", err=True)
    same = [one for one in copy.updates if one.did == "current"]
    new = [one for one in copy.updates if one.did == "new"]
    if len(same) == len(copy.updates):
        typer.echo(f"your copy in {str(copy.folder)!r} is up to date")
    elif len(new) == len(copy.updates):
        typer.echo(f"made your copy in {str(copy.folder)!r}: {len(new)} notebooks")
    else:
        typer.echo(f"updated your copy in {str(copy.folder)!r}:")
        for one in copy.updates:
            typer.echo(f"  {one.chapter}: {one.words}")


def _check_all(paths: "Sequence[Path]", timeout_s: int) -> "list[Checked]":
    from sockets_lab.cli.progress import Progress, working

    with working("starting"):  # reading the notebook format's schema takes seconds
        from sockets_lab.workspace import check_notebook, notebooks_in
    results: list[Checked] = []
    try:
        notebooks = notebooks_in(paths)
        with Progress(len(notebooks)) as progress:
            for notebook in notebooks:
                on_cell = progress.begin(notebook.name)
                results.append(check_notebook(notebook, timeout_s=timeout_s, on_cell=on_cell))
    except (FileNotFoundError, ValueError) as error:
        _fail(str(error), USAGE)
    except KeyboardInterrupt:
        _fail(f"interrupted: {len(results)} of {len(notebooks)} notebooks done", INTERRUPTED)
    return results


def _fail(message: str, status: int) -> NoReturn:
    typer.echo(f"sockets-lab: {message}", err=True)
    raise typer.Exit(status)
