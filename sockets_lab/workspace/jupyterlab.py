"""Start JupyterLab on a learner's copy with quiet settings.

The settings are defaults, which the learner's own settings override: our folder is appended to
those where Jupyter looks for configuration; no setting of theirs is read, written or replaced.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

__all__ = ["lab_command", "lab_environment", "run_lab"]

# No question about news, no check for updates: labconfig/default_setting_overrides.json.
SETTINGS: Final = Path(__file__).resolve().parent / "_jupyter"


def run_lab(folder: Path, notebook: str, browser: bool, options: Sequence[str]) -> int:
    """Run JupyterLab until it ends; return its exit status, 0 after Ctrl-C or SIGTERM.

    folder: the server's root; notebook: the file in it to open; browser: True to open a browser;
    options: more arguments for `jupyter lab`. Ctrl-C and SIGTERM end it, with its kernels.
    """
    command = lab_command(folder, notebook, browser, options)
    with (
        subprocess.Popen(command, env=lab_environment(os.environ)) as server,
        _terminated_as_interrupted(),
    ):
        try:
            return server.wait()
        except KeyboardInterrupt:
            _end(server)
            return 0


def lab_command(folder: Path, notebook: str, browser: bool, options: Sequence[str]) -> list[str]:
    """Write the command line that starts JupyterLab on a notebook of a folder."""
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{notebook}",
        "--ServerApp.answer_yes=True",  # Ctrl-C ends it without a question
    ]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # Jupyter refuses root, the usual user in a container
    return [*command, *options]


def lab_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Jupyter reads our settings after those it reads there."""
    folders = [
        folder for folder in environment.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep) if folder
    ]
    return {**environment, "JUPYTER_CONFIG_PATH": os.pathsep.join([*folders, str(SETTINGS)])}


def _end(server: subprocess.Popen[bytes]) -> None:
    """Wait for the server to end its kernels; a second Ctrl-C does not wait."""
    try:
        if sys.platform == "win32":
            # Ctrl-C has reached it as well; terminating it would orphan its kernels.
            server.wait(10)
        else:
            server.terminate()
            server.wait()
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        server.kill()
        server.wait()


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C in the block, so that the server does not outlive this process."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
