"""The command line: `sockets-lab open`, `doctor`, `check` and `bench`.

Thin: a command reads its arguments, calls a room and says what came of it. What it needs is
imported inside it, so that `sockets-lab --help` answers at once. Results go to standard output,
progress and complaints to standard error.
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
NOT_YET, USAGE, INTERRUPTED = 1, 2, 130

EXAMPLES = """\b
Examples:
  sockets-lab open                     your copy in my-course, in JupyterLab
  sockets-lab open --no-browser        the same on a machine without a browser
  sockets-lab doctor                   what this machine can show
  sockets-lab check my-course          do all notebooks run, are exercises done
  sockets-lab bench                    what servers cost on this machine
"""

app = typer.Typer(
    help="A course on server sockets that you run on your own machine.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: quick, and read well by a screen reader
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; words that the terminal's encoding lacks are shown as `?`."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # text streams: Python's own
    app(prog_name="sockets-lab")


@app.callback(invoke_without_command=True)
def _whole(
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    if version:
        from sockets_lab import __version__

        typer.echo(f"sockets-lab {__version__}")
        raise typer.Exit


@app.command("open", epilog="For example: sockets-lab open my-course -- --port 9000")
def open_course(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Where your copy is, or will be.")
    ] = FOLDER,
    lab_options: Annotated[
        list[str] | None, typer.Argument(metavar="OPTION", help="After --: for JupyterLab.")
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser as well.")
    ] = True,
    copy_only: Annotated[
        bool, typer.Option("--copy-only", help="Only make or update the copy.")
    ] = False,
) -> None:
    """Make or update your copy of the course, and open it in JupyterLab.

    What you changed is never overwritten: where there is a newer chapter, it is put beside yours.
    """
    options = list(lab_options or [])
    if folder.startswith("-"):  # `open -- --port 9000`: no folder was named
        options.insert(0, folder)
        folder = FOLDER
    _say(_copied(Path(folder)))
    if not copy_only:
        from sockets_lab.workspace import run_lab

        typer.echo("\nJupyterLab starts now; Ctrl-C in this window ends it")
        raise typer.Exit(run_lab(Path(folder), START, browser, options))


@app.command(
    short_help="Say what this machine can show, and how to get the rest.",
    epilog="For example: sockets-lab doctor --json > my-machine.json",
)
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> None:
    """Say what this machine can show of the course, and how to get what it lacks."""
    from sockets_lab.capabilities import all_capabilities, machine
    from sockets_lab.cli import pages
    from sockets_lab.cli.progress import working

    with working("asking this machine what it can do"):
        facts = machine()
        capabilities = [
            one for one in all_capabilities() if one.name != "front-end"
        ]  # that is Jupyter's
    if as_json:
        found = {
            "machine": facts._asdict(),
            "capabilities": [one._asdict() for one in capabilities],
        }
        typer.echo(json.dumps(found, indent=2))
    else:
        pages.show(pages.of_machine(facts), pages.of_capabilities(capabilities))


@app.command(
    short_help="Run your notebooks, and say how far your exercises are.",
    epilog="For example: sockets-lab check my-course/02_bind_listen_accept.ipynb",
)
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help=f"Notebooks, or folders of them.  [default: {FOLDER}]"),
    ] = None,
    timeout_s: Annotated[
        int, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long one cell may take.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> None:
    """Run your notebooks from top to bottom, and say how far your exercises are.

    Your files are only read. It ends with 0 when every cell runs and every exercise that you have
    started is complete, with 1 when that is not so yet, and with 2 when a name is wrong.
    """
    from sockets_lab.cli import pages

    results = _checked(paths or [Path(FOLDER)], timeout_s)
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in results], indent=2))
    else:
        pages.show(*map(pages.of_checked, results), pages.of_all_checked(results))
    raise typer.Exit(0 if all(one.passed for one in results) else NOT_YET)


@app.command(
    short_help="Measure the course's servers and their peers, side by side.",
    epilog="For example: sockets-lab bench --rounds 3 --table echo",
)
def bench(
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, max=100, help="How often each is measured.")
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
        Path, typer.Option("--folder", metavar="FOLDER", help="Where the results are saved.")
    ] = Path("bench"),
) -> None:
    """Measure what the course's servers and their peers cost on this machine, side by side.

    It takes minutes, on loopback alone. Tables, pictures and the machine's description are saved in
    a folder. With a second core and nothing else running the numbers are steadier.
    """
    from sockets_lab.bench import Plan, entrants, measure
    from sockets_lab.cli import benches, pages
    from sockets_lab.cli.progress import Steps

    try:
        with entrants() as all_of_them, Steps() as steps:
            found = measure(
                Plan(rounds=rounds, messages=messages), all_of_them, names or (), steps.tell
            )
    except LookupError as error:
        _give_up(str(error), USAGE)
    except KeyboardInterrupt:
        _give_up("interrupted: nothing was saved", INTERRUPTED)
    pages.show(*benches.pages_of(found))
    for path in benches.save_all(found, folder):
        typer.echo(f"saved {str(path)!r}")


def _copied(folder: Path) -> "Copy":
    from sockets_lab import __version__
    from sockets_lab.workspace import bring_up_to_date

    try:
        return bring_up_to_date(folder, __version__)
    except ValueError as error:
        _give_up(str(error), USAGE)
    except OSError as error:
        _give_up(
            f"cannot make or update a copy in {str(folder)!r} "
            f"({error.strerror}: {error.filename!r}); name another folder: sockets-lab open FOLDER",
            NOT_YET,
        )


def _say(copy: "Copy") -> None:
    if copy.warning:
        typer.echo(f"sockets-lab: {copy.warning}", err=True)
    same = [one for one in copy.updates if one.did == "current"]
    new = [one for one in copy.updates if one.did == "new"]
    if len(same) == len(copy.updates):
        typer.echo(f"your copy in {str(copy.folder)!r} is up to date")
    elif len(new) == len(copy.updates):
        typer.echo(f"made your copy in {str(copy.folder)!r}: {len(new)} notebooks")
    else:
        typer.echo(f"brought your copy in {str(copy.folder)!r} up to date:")
        for one in copy.updates:
            typer.echo(f"  {one.chapter}: {one.words}")


def _checked(paths: "Sequence[Path]", timeout_s: int) -> "list[Checked]":
    from sockets_lab.cli.progress import Progress, working

    with working("starting"):  # reading the notebook format's schema takes seconds
        from sockets_lab.workspace import check_notebook, notebooks_in
    results: list[Checked] = []
    try:
        notebooks = notebooks_in(paths)
        with Progress(len(notebooks)) as progress:
            for notebook in notebooks:
                tell = progress.begin(notebook.name)
                results.append(check_notebook(notebook, timeout_s=timeout_s, tell=tell))
    except (FileNotFoundError, ValueError) as error:
        _give_up(str(error), USAGE)
    except KeyboardInterrupt:
        _give_up(f"interrupted: {len(results)} of {len(notebooks)} notebooks done", INTERRUPTED)
    return results


def _give_up(words: str, status: int) -> NoReturn:
    typer.echo(f"sockets-lab: {words}", err=True)
    raise typer.Exit(status)
