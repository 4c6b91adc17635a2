"""A recording in a notebook has the learner's calls and none of Jupyter's."""

import asyncio

import nbformat
import pytest
from nbclient import NotebookClient

CELL = """
import asyncio, socket
from sockets_lab import record
with record() as recording:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as client:
            connection, _ = listener.accept()
            with connection:
                print("hello")  # wakes the thread that talks to the browser
                client.sendall(b"hello")
                connection.recv(10)
                {wait}
recording
"""
AWAITED = "await asyncio.to_thread(int); await asyncio.sleep(0)"  # wakes Jupyter's event loop

LINES = """\
listener: socket(AF_INET, SOCK_STREAM)
listener: setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
listener: bind(127.0.0.1, port 0)
listener: listen()
listener: getsockname() -> the listener's address
client 1: socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
client 1: connect(the listener's address)
listener: accept() -> connection 1 from client 1's address
client 1: sendall(b'hello')
connection 1: recv(10) -> 5 bytes
connection 1: close()
client 1: close()
listener: close()"""


@pytest.mark.parametrize("wait", ["", AWAITED], ids=["plain", "awaiting"])
def test_calls_of_jupyter_are_left_out(wait: str) -> None:
    cells = [nbformat.v4.new_code_cell(CELL.format(wait=wait)) for _ in range(10)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    asyncio.run(NotebookClient(notebook, timeout=30).async_execute())
    shown = [output.data["text/plain"] for cell in cells for output in cell.outputs[1:]]
    assert shown == [LINES] * 10
