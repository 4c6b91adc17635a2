"""What a process holds, to be compared before and after a notebook.

The kernel itself runs this file, so it leans on nothing of ours: `look()` returns, for each kind
of thing, a dict of unique keys and how a complaint names each. `left_behind` compares
two looks.
"""

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeVar

import psutil

__all__ = ["close_what_the_library_lost", "left_behind", "look", "strangers"]

Look = dict[str, dict[str, str]]
T = TypeVar("T")

# Kept open by those who opened them, for good: fonts by matplotlib, randomness by libraries.
# zmq makes an event descriptor for each thread that prints, and closes it some time later.
GRANTED_ENDINGS = (".ttf", ".otf", ".ttc", ".afm", "[eventfd]", "/dev/urandom", "/dev/random")
THEIR_TASKS = ("ipykernel", "tornado", "IPython", "jupyter_client", "zmq")


def look() -> Look:
    """Say what this process holds; call it in the main thread, where the event loop runs."""
    close_what_the_library_lost()
    unclosed = _unclosed()  # first: collecting garbage changes what the others see
    return {
        "never closed": unclosed,
        "thread": _threads(),
        "child process": _children(),
        "descriptor": _descriptors(),
        "port": _ports(),
        "asyncio task": _tasks(),
        "event loop": _loops(),
        "namespace": _namespaces(),
        "file": {path: path for path in _files()},
        "changed": _settings(),
    }


def left_behind(before: Look, after: Look) -> list[str]:
    """Name what `after` holds and `before` did not; of settings also what went missing."""
    complaints = []
    for kind, held in after.items():
        new = held.keys() - before[kind].keys()
        complaints += [f"{kind}: {held[key]}" for key in sorted(new)]
    gone = before["changed"].keys() - after["changed"].keys()
    return complaints + [f"changed, was: {before['changed'][key]}" for key in sorted(gone)]


def strangers(mark: str, kernel: int) -> dict[str, str]:
    """Find processes that carry `mark` in their environment, other than the kernel (a pid).

    A process whose parent has ended is not the kernel's descendant; its environment shows it.
    """
    found = {}
    for process in psutil.process_iter():
        try:
            if process.pid != kernel and mark in process.environ().values():
                found[str(process.pid)] = " ".join(process.cmdline())
        except psutil.Error:
            continue
    return found


# Functions of the library that make sockets or servers, and the variables that hold them.
THEIR_SOCKETS = {
    (asyncio.base_events.__file__, "create_server"): ("server",),
    (socket.__file__, "create_connection"): ("sock",),
    (socket.__file__, "socketpair"): ("a", "b"),
    (ssl.__file__, "_create"): ("self",),
}


def close_what_the_library_lost() -> None:
    """Close the socket of a function of the library that was interrupted.

    Only that function can close it, and does so for an OSError only; and IPython keeps the
    traceback of the last error, and with it the function's variables. So ask after each interrupt.
    """
    trace = getattr(sys, "last_traceback", None)
    while trace is not None:
        code = trace.tb_frame.f_code
        for name in THEIR_SOCKETS.get((code.co_filename, code.co_name), ()):
            lost = trace.tb_frame.f_locals.get(name)
            if isinstance(lost, socket.SocketType | asyncio.Server):
                lost.close()
        trace = trace.tb_next


def _unclosed() -> dict[str, str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    return {str(one.message): str(one.message) for one in caught}


def _threads() -> dict[str, str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    running = sys._current_frames().keys() - _pool_of_the_loop()
    return {str(one): names.get(one, "started by _thread") for one in running}


def _pool_of_the_loop() -> set[int | None]:
    """Name the threads in which the kernel's own event loop resolves names, and that it keeps."""
    try:
        pool = getattr(asyncio.get_running_loop(), "_default_executor", None)
    except RuntimeError:  # no loop runs
        return set()
    return {thread.ident for thread in getattr(pool, "_threads", ())}


def _children() -> dict[str, str]:
    children = psutil.Process().children(recursive=True)
    return {str(child.pid): f"{child.name()} ({child.status()})" for child in children}


def _descriptors() -> dict[str, str]:
    """Key descriptors by what they refer to, and by a count where that is not unique."""
    sockets = {one.fileno(): one for one in _alive(socket.socket)}
    seen: Counter[str] = Counter()
    found = {}
    for number, target in _open_targets():
        if not target.endswith(GRANTED_ENDINGS):
            seen[target] += 1
            words = _describe(sockets[number]) if number in sockets else f"{number} -> {target}"
            found[f"{target} #{seen[target]}"] = words
    return found


def _alive(kind: type[T]) -> list[T]:
    return [one for one in gc.get_objects() if isinstance(one, kind)]


def _open_targets() -> Iterator[tuple[int, str]]:
    folder = "/proc/self/fd"
    if not os.path.isdir(folder):
        yield from ((one.fd, one.path) for one in psutil.Process().open_files())
        return
    for name in os.listdir(folder):
        try:
            yield int(name), os.readlink(os.path.join(folder, name))
        except FileNotFoundError:  # the descriptor of the listing itself
            continue


def _describe(one: socket.socket) -> str:
    names = [name for name, value in _variables().items() if value is one]
    return f"{one!r} in the notebook's {', '.join(names)}" if names else repr(one)


def _variables() -> Mapping[str, object]:
    import __main__

    return vars(__main__)


def _ports() -> dict[str, str]:
    connections = psutil.Process().net_connections(kind="inet")
    open_ones = (one for one in connections if one.laddr and not one.raddr)
    return {f"{one.type} {one.laddr}": f"{one.type.name} {one.laddr}" for one in open_ones}


def _tasks() -> dict[str, str]:
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no loop runs
        return {}
    return {str(id(task)): repr(task) for task in tasks if not _is_theirs(task)}


def _is_theirs(task: "asyncio.Task[object]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    parts = code.co_filename.split(os.sep) if code else []
    return any(package in parts for package in THEIR_TASKS)


def _loops() -> dict[str, str]:
    loops = _alive(asyncio.BaseEventLoop)
    return {str(id(loop)): repr(loop) for loop in loops if not loop.is_closed()}


def _namespaces() -> dict[str, str]:
    """Name the network namespace of each thread, and those that were given a name."""
    found = {}
    if os.path.isdir("/proc/self/task"):
        for thread in os.listdir("/proc/self/task"):
            here = os.readlink(f"/proc/self/task/{thread}/ns/net")
            found[here] = here
    if os.path.isdir("/run/netns"):
        found |= {name: f"/run/netns/{name}" for name in os.listdir("/run/netns")}
    return found


def _files() -> Iterator[str]:
    """List what is in the folder for temporary files, and beside the notebook."""
    for folder, folders, files in os.walk(tempfile.gettempdir()):
        yield from (os.path.join(folder, name) for name in (*folders, *files))
    yield from (os.path.abspath(name) for name in os.listdir())


def _settings() -> dict[str, str]:
    """Write down what a careless notebook changes for everybody else in the process."""
    settings: dict[str, object] = {
        "working directory": os.getcwd(),
        "default timeout": socket.getdefaulttimeout(),
        "trace function": sys.gettrace(),
        "profile function": sys.getprofile(),
        **{f"environment {name}": value for name, value in os.environ.items()},
        **{f"socket.socket.{name}": id(value) for name, value in vars(socket.socket).items()},
        **{
            f"socket.{name}": id(value)
            for name, value in vars(socket).items()
            if name != "__warningregistry__"  # which warnings Python has shown, and no setting
        },
        **{
            f"handler of {one.name}": signal.getsignal(one)
            for one in signal.valid_signals()
            if isinstance(one, signal.Signals)
        },
    }
    return {f"{name} = {value!r}": name for name, value in (settings | _limits()).items()}


def _limits() -> dict[str, object]:
    try:
        import resource
    except ImportError:  # Windows
        return {}
    return {"descriptor limit": resource.getrlimit(resource.RLIMIT_NOFILE)}
