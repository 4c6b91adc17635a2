"""Takes SSLWantReadError for a failure of the handshake."""

import contextlib
import threading
import time

CAUGHT_BY = "echoes over TLS"
HINT = "wrap_socket(connection"
ALSO = (
    "serves a client while another sends nothing",
    "serves a client while another does not begin its handshake",
    "closes a client that does not complete its handshake in time",
    "gives the handshake one deadline, not one for each byte",
    "closes a client that is silent after its handshake",
    "survives a client that does not speak TLS",
    "survives a client that does not trust its certificate",
    "answers close_notify",
    "leaves no connection open",
    "returns when `stop` is set",
)


def serve_tls(listener, context, deadline_s, stop):
    threads = []
    with listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=talk, args=[connection, context, deadline_s, stop])
            threads.append(thread)
            thread.start()
    for thread in threads:
        thread.join()


def talk(connection, context, deadline_s, stop):
    with connection, contextlib.suppress(OSError):
        connection.setblocking(False)
        with context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ) as secured:
            secured.do_handshake()
            echo(secured, deadline_s, stop)
            secured.unwrap()


def echo(secured, deadline_s, stop):
    heard_s = time.monotonic()
    secured.settimeout(0.05)
    while not stop.is_set() and time.monotonic() < heard_s + deadline_s:
        try:
            received = secured.recv(65_536)
        except TimeoutError:
            continue
        if not received:
            return
        heard_s = time.monotonic()
        secured.settimeout(deadline_s)
        secured.sendall(received)
        secured.settimeout(0.05)
