"""Listeners from a supervisor are taken over as sd_listen_fds(3) says, and nothing else is."""

import os
import socket
import subprocess
import sys

import pytest

from sockets_lab import open_listener
from sockets_lab.listeners import inherited_listeners

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX passes descriptors")

SERVER = """
import os
from sockets_lab.listeners import inherited_listeners
(name, listener), = inherited_listeners()
assert inherited_listeners() == () and not {"LISTEN_PID", "LISTEN_FDS"} & set(os.environ)
assert not listener.get_inheritable()
connection, _ = listener.accept()
with listener, connection:
    connection.sendall(f"{name} {os.getpid()}".encode())
"""

# Puts the socket where the protocol expects it, and becomes the server.
SUPERVISOR = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2]])
"""


def started(listener: socket.socket) -> subprocess.Popen[bytes]:
    descriptor = listener.fileno()
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(descriptor), SERVER], pass_fds=[descriptor]
    )


def test_a_restart_refuses_no_client(family):
    with open_listener(family.host) as listener:
        answers = []
        for _ in range(2):
            with socket.create_connection(listener.getsockname()[:2], timeout=20) as client:
                with started(listener) as server:  # only now: the client waits in the queue
                    answers.append(client.recv(100).decode().split())
                assert server.returncode == 0
    assert [name for name, _ in answers] == ["web", "web"]
    assert answers[0] != answers[1]


def test_ignores_what_is_for_another_process():
    environ = {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"}
    assert inherited_listeners(environ) == ()
    assert environ["LISTEN_FDS"] == "1"


def test_without_a_supervisor_there_are_none():
    assert inherited_listeners({}) == ()


@pytest.mark.parametrize("count", ["", "-1", "two"])
def test_refuses_an_invalid_count(count):
    with pytest.raises(ValueError, match="must be a number of descriptors"):
        inherited_listeners({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count})


def test_refuses_a_socket_that_does_not_listen():
    code = """
import os, socket
os.dup2(socket.socketpair()[0].detach(), 3)
from sockets_lab.listeners import inherited_listeners
try:
    inherited_listeners({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
except ValueError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert run.stdout == "descriptor 3 is not a listening socket\n"
