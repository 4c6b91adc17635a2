"""An ExitStack closes both; the reading is left to a file object."""

from contextlib import ExitStack


def serve_once(listener):
    with ExitStack() as stack:
        stack.enter_context(listener)
        connection = stack.enter_context(listener.accept()[0])
        with connection.makefile("rb") as stream:
            request = stream.read()
        connection.sendall(request.upper())
    return request
