"""Whatever a notebook leaves behind is found, and what it took back is not."""

import pytest

from tests.notebooks.driver import fresh_kernel
from tests.notebooks.leftovers import left_behind, strangers
from tests.notebooks.watched import close_lost, look

MARK = "sockets-lab-leftovers-bite"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    with fresh_kernel(scratch, TMPDIR=str(scratch), SOCKETS_LAB_MARK=MARK) as kernel:
        kernel.run("import asyncio, gc, os, signal, socket, subprocess, sys, tempfile, threading")
        yield kernel


@pytest.mark.parametrize(
    ("leave", "take_back", "words"),
    [
        pytest.param(
            "event = threading.Event()\n"
            "thread = threading.Thread(target=event.wait, name='server')\nthread.start()",
            "event.set(); thread.join()",
            "thread: server",
            id="thread",
        ),
        pytest.param(
            "import _thread\nlock = _thread.allocate_lock(); lock.acquire()\n"
            "left = _thread.allocate_lock(); left.acquire()\n"
            "_thread.start_new_thread(lambda: (lock.acquire(), left.release()), ())",
            "lock.release(); left.acquire()",
            "thread: started by _thread",
            id="bare thread",
        ),
        pytest.param(
            "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)",
            "child.communicate()",
            "child process: ",
            id="child process",
        ),
        pytest.param(
            "end, other = socket.socketpair()",
            "end.close(); other.close()",
            "in the notebook's other",
            id="socket",
        ),
        pytest.param(
            "number = os.dup(0)", "os.close(number)", "descriptor: ", id="bare descriptor"
        ),
        pytest.param(
            "bound = socket.socket(type=socket.SOCK_DGRAM); bound.bind(('127.0.0.1', 0))",
            "bound.close()",
            "port: SOCK_DGRAM",
            id="port",
        ),
        pytest.param(
            "socket.socket.connect = lambda *_: None",
            "del socket.socket.connect",
            "changed: socket.socket.connect",
            id="patched method",
        ),
        pytest.param(
            "accept = socket.socket.accept; socket.socket.accept = None",
            "socket.socket.accept = accept",
            "changed, was: socket.socket.accept",
            id="replaced method",
        ),
        pytest.param(
            "socket.setdefaulttimeout(1)",
            "socket.setdefaulttimeout(None)",
            "changed: default timeout",
            id="default timeout",
        ),
        pytest.param(
            "_ = signal.signal(signal.SIGTERM, signal.SIG_IGN)",
            "_ = signal.signal(signal.SIGTERM, signal.SIG_DFL)",
            "changed: handler of SIGTERM",
            id="signal handler",
        ),
        pytest.param(
            "number, path = tempfile.mkstemp(); os.close(number)",
            "os.unlink(path)",
            "file: ",
            id="temporary file",
        ),
        pytest.param(
            "open('beside.txt', 'w').close()", "os.unlink('beside.txt')", "beside.txt", id="file"
        ),
        pytest.param(
            "task = asyncio.ensure_future(asyncio.Event().wait())",
            "task.cancel(); await asyncio.gather(task, return_exceptions=True)",
            "asyncio task: ",
            id="asyncio task",
        ),
        pytest.param(
            "loop = asyncio.new_event_loop()", "loop.close()", "event loop: ", id="event loop"
        ),
        pytest.param(
            "gc.disable(); circle = [socket.socket()]; circle.append(circle); del circle",
            "gc.enable()",
            "never closed: unclosed <socket.socket",
            id="socket in garbage",
        ),
    ],
)
def test_what_is_left_is_found_until_it_is_taken_back(kernel, leave, take_back, words):
    before = look(kernel)
    assert kernel.run(leave).error is None
    assert words in "\n".join(left_behind(before, look(kernel)))
    assert kernel.run(take_back).error is None
    assert left_behind(before, look(kernel)) == []


def test_an_orphan_is_found(kernel):
    """A grandchild whose parent has ended is no longer a descendant of the kernel."""
    grandchild = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    spawn = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {grandchild!r}])"
    kernel.run(f"subprocess.run([sys.executable, '-c', {spawn!r}], stdout=subprocess.DEVNULL)")
    found = strangers(MARK, kernel.pid)
    for pid in found:
        kernel.run(f"os.kill({pid}, signal.SIGKILL)")
    assert len(found) == 1


def test_named_network_namespaces_are_looked_at(kernel):
    assert "namespace" in look(kernel)


def test_drawing_and_widgets_leave_nothing(kernel):
    before = look(kernel)
    shown = kernel.run(
        "import io, ipywidgets, matplotlib.figure\n"
        "figure = matplotlib.figure.Figure()\nfigure.subplots().set_title('$x^2$')\n"
        "figure.savefig(io.BytesIO())\nipywidgets.IntSlider()"
    )
    assert shown.error is None
    assert left_behind(before, look(kernel)) == []


def test_what_the_library_lost_when_interrupted_is_no_fault_of_the_notebook(kernel):
    before = look(kernel)
    kernel.run(
        "class Interrupted(socket.socket):\n"
        "    def connect(self, address):\n"
        "        super().connect(address)\n"
        "        raise KeyboardInterrupt\n"
        "real, socket.socket = socket.socket, Interrupted\n"
        "with real() as listener:\n"
        "    listener.bind(('127.0.0.1', 0))\n"
        "    listener.listen()\n"
        "    try:\n"
        "        socket.create_connection(listener.getsockname())\n"
        "    finally:\n"
        "        socket.socket = real"
    )
    assert left_behind(before, look(kernel)) == []


def test_a_pair_that_the_library_lost_is_no_fault_of_the_notebook(kernel):
    before = look(kernel)
    shown = kernel.run(
        "def strike(frame, event, _):\n"
        "    if frame.f_code is not socket.socketpair.__code__:\n"
        "        return\n"
        "    if isinstance(frame.f_locals.get('b'), socket.socket):\n"
        "        raise KeyboardInterrupt\n"
        "    return strike\n"
        "sys.settrace(strike)\n"
        "try:\n"
        "    socket.socketpair()\n"
        "finally:\n"
        "    sys.settrace(None)"
    )
    assert shown.error == "KeyboardInterrupt"
    assert left_behind(before, look(kernel)) == []


def test_a_server_that_asyncio_lost_is_no_fault_of_the_notebook(kernel):
    before = look(kernel)
    shown = kernel.run(
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "serving = asyncio.ensure_future(asyncio.start_server(print, sock=listener))\n"
        "del listener\n"
        "await asyncio.sleep(0)\n"
        "serving.cancel()\n"
        "await serving"
    )
    assert shown.error == "CancelledError"
    close_lost(kernel)
    kernel.run("1 / 0")  # its traceback takes the place of the one that holds the server
    assert left_behind(before, look(kernel)) == []
