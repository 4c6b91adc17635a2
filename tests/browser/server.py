"""JupyterLab for a test: started as `sockets-lab open` starts it, with its own home folder."""

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from sockets_lab.workspace.jupyterlab import lab_command, lab_environment

__all__ = ["Lab", "choose_theme", "running_lab"]

START_DEADLINE_S = 60
END_DEADLINE_S = 20
FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
# Otherwise cells outside the view are not in the page, and an error there is missed.
WHOLE_NOTEBOOK = {"windowingMode": "none"}


class Lab(NamedTuple):
    """A server that runs; `folder` holds the notebooks, `home` everything that Jupyter keeps."""

    base: str
    token: str
    folder: Path
    home: Path

    def url(self, notebook: str) -> str:
        """Address of a notebook in a workspace without other open files."""
        return f"{self.base}lab/tree/{notebook}?token={self.token}&reset"


@contextmanager
def running_lab(folder: Path, home: Path) -> Iterator[Lab]:
    """Start JupyterLab on the notebooks of `folder` and end it, kernels included, on exit."""
    places = {name: str(home / place) for name, place in FOLDERS.items()}
    _write_settings(home, "notebook-extension/tracker", WHOLE_NOTEBOOK)
    token = secrets.token_hex(16)
    options = ["--ServerApp.port=0", f"--IdentityProvider.token={token}"]
    with (
        (home / "server.log").open("w") as log,
        subprocess.Popen(
            lab_command(folder, "", browser=False, options=options),
            env=lab_environment({**os.environ, **places}),
            stdout=log,
            stderr=log,
            start_new_session=True,  # a separate process group, to be ended as a whole
        ) as server,
    ):
        try:
            yield Lab(_base(server, home), token, folder, home)
        finally:
            _end_group(server)


def choose_theme(lab: Lab, theme: str) -> None:
    """Set the theme with which the next page is opened."""
    _write_settings(lab.home, "apputils-extension/themes", {"theme": theme})


def _write_settings(home: Path, plugin: str, settings: dict[str, str]) -> None:
    path = home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings), encoding="utf-8")


def _base(server: subprocess.Popen[bytes], home: Path) -> str:
    """Read the address that the server writes down once it serves."""
    deadline = monotonic() + START_DEADLINE_S
    while monotonic() < deadline and server.poll() is None:
        for note in (home / "runtime").glob("jpserver-*.json"):
            try:
                return str(json.loads(note.read_text(encoding="utf-8"))["url"])
            except json.JSONDecodeError:  # it is being written
                continue
        sleep(0.1)
    log = (home / "server.log").read_text(encoding="utf-8")
    raise RuntimeError(f"JupyterLab did not start within {START_DEADLINE_S} s:\n{log}")


def _end_group(server: subprocess.Popen[bytes]) -> None:
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(END_DEADLINE_S)
    finally:
        with suppress(ProcessLookupError):  # all of it has ended
            os.killpg(server.pid, signal.SIGKILL)
