"""The command line: its output, its errors and its exit status."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sockets_lab import course_files, workspace
from sockets_lab.cli import FOLDER, START, app
from sockets_lab.workspace import jupyterlab
from tests.workspace.test_checking import REPORT, write

EVERY_COMMAND = ("open", "doctor", "check", "bench")


def run(*arguments: str, width: int = 80) -> Result:
    environment = {"COLUMNS": str(width), "TERMINAL_WIDTH": str(width)}
    return CliRunner().invoke(app, arguments, env=environment, prog_name="sockets-lab")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder of a course of one chapter, as shipped."""
    root = tmp_path / "shipped"
    (root / "notebooks").mkdir(parents=True)
    write(root / "notebooks", "1 + 1", name=START)
    monkeypatch.setattr(course_files, "ROOTS", (root,))
    return root / "notebooks"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Collect the arguments for JupyterLab instead of starting it."""
    calls: list[tuple[object, ...]] = []

    def run_lab(*arguments: object) -> int:
        calls.append(arguments)
        return 7

    monkeypatch.setattr(workspace, "run_lab", run_lab)
    return calls


@pytest.fixture
def free_port() -> int:
    """Find a port without a listener: JupyterLab prints its port only in a text for people."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


# Help


def test_help_has_a_sentence_for_every_command() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for command in EVERY_COMMAND:
        line = next(line for line in done.stdout.splitlines() if line.startswith(f"  {command} "))
        assert line.endswith(".")
        assert not line.endswith("...")
    assert "sockets-lab open --no-browser" in done.stdout


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_every_command_has_an_example(command: str) -> None:
    done = run(command, "--help")
    assert done.exit_code == 0
    assert f"For example: sockets-lab {command}" in done.stdout


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from sockets_lab.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'nbformat', 'nbclient', 'rich.table', 'matplotlib', 'pyroute2', 'psutil'}\n"
        "print('loaded:', sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("loaded: []\n")


def test_prints_its_version() -> None:
    assert run("--version").stdout.startswith("sockets-lab 0.")


# open


def test_open_starts_jupyterlab_on_a_new_copy(
    course: Path, started: list[tuple[object, ...]]
) -> None:
    done = run("open", "mine", "--no-browser", "--", "--port", "9000")
    assert done.stdout.startswith("made your copy in 'mine': 1 notebooks\n")
    assert (Path("mine") / START).read_bytes() == (course / START).read_bytes()
    assert started == [(Path("mine"), START, False, ["--port", "9000"])]
    assert done.exit_code == 7


def test_open_has_a_default_folder(course: Path, started: list[tuple[object, ...]]) -> None:
    run("open", "--", "--port", "9000")
    run("open")
    assert started == [
        (Path(FOLDER), START, True, ["--port", "9000"]),
        (Path(FOLDER), START, True, []),
    ]


def test_copy_only_starts_nothing(course: Path, started: list[tuple[object, ...]]) -> None:
    assert run("open", "mine", "--copy-only").exit_code == 0
    assert run("open", "mine", "--copy-only").stdout == "your copy in 'mine' is up to date\n"
    assert started == []


def test_open_reports_what_it_did(course: Path) -> None:
    run("open", "mine", "--copy-only")
    write(Path("mine"), "my answer", name=START)
    write(course, "1", name="01_more.ipynb")
    done = run("open", "mine", "--copy-only")
    assert done.stdout == (
        "updated your copy in 'mine':\n"
        "  00_start_here.ipynb: changed by you: kept as it is\n"
        "  01_more.ipynb: new\n"
    )


def test_open_warns_of_a_broken_manifest(course: Path) -> None:
    run("open", "mine", "--copy-only")
    (Path("mine") / ".sockets-lab.json").write_text("{")
    done = run("open", "mine", "--copy-only")
    assert "cannot be read (JSONDecodeError)" in done.stderr
    assert done.exit_code == 0


def test_open_refuses_the_courses_own_folder(
    course: Path, started: list[tuple[object, ...]]
) -> None:
    done = run("open", str(course))
    assert (done.exit_code, done.stdout, started) == (2, "", [])
    assert "is the course's own folder; choose another one" in done.stderr


@pytest.mark.parametrize("folder", ["file", "file/mine", "/proc/mine", "/sys/mine"])
def test_open_reports_why_it_cannot_copy(
    course: Path, started: list[tuple[object, ...]], folder: str
) -> None:
    Path("file").write_text("")
    done = run("open", folder)
    assert (done.exit_code, done.stdout, started) == (1, "", [])
    assert f"cannot make or update a copy in '{folder}' (" in done.stderr
    assert "choose another folder: sockets-lab open FOLDER" in done.stderr


# doctor


def test_doctor_shows_what_this_machine_can_do() -> None:
    done = run("doctor")
    assert done.exit_code == 0
    assert "yes  linux" in done.stdout or "no   linux" in done.stdout
    assert "front-end" not in done.stdout
    assert done.stderr == ""


def test_doctor_shows_reasons_and_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "ipv6")
    done = run("doctor")
    assert done.exit_code == 0
    assert "no   ipv6" in done.stdout
    assert "why not: switched off by SOCKETS_LAB_WITHOUT" in done.stdout
    assert "to get it: take ipv6 out of SOCKETS_LAB_WITHOUT" in done.stdout


def test_doctor_prints_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKETS_LAB_WITHOUT", "ipv6")
    found = json.loads(run("doctor", "--json").stdout)
    capabilities = {one["name"]: one for one in found["capabilities"]}
    assert capabilities["ipv6"]["has"] is False
    assert found["machine"]["python"] == sys.version.split()[0]


@pytest.mark.parametrize("width", [30, 200])
def test_doctor_fits_any_width(width: int) -> None:
    done = run("doctor", width=width)
    assert max(map(len, done.stdout.splitlines())) <= width
    assert "\x1b" not in done.stdout


def test_doctor_prints_to_an_ascii_terminal() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    command = [sys.executable, "-c", "from sockets_lab.cli import main; main()", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"This machine" in done.stdout


# check


def test_check_passes_a_complete_copy(tmp_path: Path) -> None:
    write(tmp_path, REPORT.format(passed=True, note=""))
    done = run("check", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "00_start.ipynb: runs: 1 cells" in done.stdout
    assert "exercise serve_once: 2 of 2 behaviours ok, complete" in done.stdout
    assert done.stderr == "1 of 1: 00_start.ipynb\n"


def test_check_reports_what_is_incomplete(tmp_path: Path) -> None:
    Path(FOLDER).mkdir()
    write(Path(FOLDER), "x", REPORT.format(passed=False, note=""))
    done = run("check")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "00_start.ipynb: 1 of 2 cells fail",
        "  cell 1, x: NameError: name 'x' is not defined",
        "  exercise serve_once: 1 of 2 behaviours ok",
        "    next: closes; hint: close in a finally block",
        "",
        "0 of 1 notebooks run; 0 of 1 exercises are complete, 0 not started",
    ]


def test_check_reports_why_a_run_stopped(tmp_path: Path) -> None:
    path = write(tmp_path, "import time; time.sleep(60)")
    done = run("check", "--timeout", "1", str(path))
    assert done.exit_code == 1
    assert "stopped before its end\n  cell 1 did not finish within 1 s" in done.stdout


def test_check_prints_json(tmp_path: Path) -> None:
    path = write(tmp_path, REPORT.format(passed=None, note="").replace("True", "None"))
    found = json.loads(run("check", "--json", str(path)).stdout)
    assert [(one["file"], one["runs"], one["passed"]) for one in found] == [
        ("00_start.ipynb", True, True)
    ]
    assert found[0]["exercises"][0]["started"] is False


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (None, f"'{FOLDER}' does not exist; to make a copy of the course: sockets-lab open"),
        ("nowhere.ipynb", "'nowhere.ipynb' does not exist"),
        (".", "there are no notebooks in '.'"),
    ],
)
def test_check_reports_a_wrong_name(path: str | None, words: str) -> None:
    done = run("check", *([path] if path else []))
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


# JupyterLab itself


def test_learners_settings_come_first() -> None:
    there = jupyterlab.lab_environment({"JUPYTER_CONFIG_PATH": "/theirs", "HOME": "/home/me"})
    assert there == {
        "HOME": "/home/me",
        "JUPYTER_CONFIG_PATH": os.pathsep.join(["/theirs", str(jupyterlab.SETTINGS)]),
    }
    assert jupyterlab.lab_environment({})["JUPYTER_CONFIG_PATH"] == str(jupyterlab.SETTINGS)


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither signal to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_jupyterlab_ends_with_its_caller(
    tmp_path: Path, number: signal.Signals, free_port: int
) -> None:
    write(tmp_path, "1 + 1", name=START)
    options = ["--ServerApp.token=secret", f"--port={free_port}", "--ServerApp.port_retries=0"]
    code = (
        "import pathlib, sys; from sockets_lab.workspace import run_lab\n"
        f"sys.exit(run_lab(pathlib.Path({str(tmp_path)!r}), {START!r}, False, {options!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **own_jupyter(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as caller:
        try:
            wait_until_it_listens(free_port, caller)
            news = get(free_port, "lab/api/settings/@jupyterlab/apputils-extension:notification")
            caller.send_signal(number)
            rest = caller.communicate(timeout=20)[1]
        finally:
            caller.terminate()
    assert caller.returncode == 0, rest
    assert news["schema"]["properties"]["fetchNews"]["default"] == "false"
    assert news["schema"]["properties"]["checkForUpdates"]["default"] is False
    with pytest.raises(urllib.error.URLError):
        get(free_port, "api")


def wait_until_it_listens(port: int, process: "subprocess.Popen[str]") -> None:
    """Connect until it works: JupyterLab reports its start before it listens, and nothing later."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("JupyterLab does not listen")


def own_jupyter(folder: Path) -> dict[str, str]:
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    labs = ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    return {name: str(folder / name.lower()) for name in (*names, *labs)}


def get(port: int, path: str) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    url = f"http://127.0.0.1:{port}/{path}?token=secret"
    with urllib.request.urlopen(url) as response:
        found: dict[str, dict[str, dict[str, dict[str, object]]]] = json.load(response)
    return found
