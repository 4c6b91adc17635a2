"""One loop for all, with sockets that do not block."""

import contextlib
import selectors
import ssl
import time


class Client:
    def __init__(self, sock, until_s):
        self.sock, self.until_s = sock, until_s
        self.shaken, self.unsent, self.ended = False, b"", False


def serve_tls(listener, context, deadline_s, stop):
    with selectors.DefaultSelector() as selector, listener:
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
        clients = set()
        while not stop.is_set():
            for key, _ in selector.select(0.05):
                if key.data is None:
                    welcome(listener, context, selector, clients, deadline_s)
                else:
                    attend(key.data, selector, clients, deadline_s)
            for client in [one for one in clients if time.monotonic() > one.until_s]:
                close(client, selector, clients)
        for client in list(clients):
            close(client, selector, clients)


def welcome(listener, context, selector, clients, deadline_s):
    try:
        sock, _ = listener.accept()
    except OSError:
        return
    sock.setblocking(False)
    try:
        secured = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    except OSError:
        sock.close()
        return
    client = Client(secured, time.monotonic() + deadline_s)
    clients.add(client)
    selector.register(secured, selectors.EVENT_READ, client)


def attend(client, selector, clients, deadline_s):
    try:
        going_on = step(client, deadline_s)
        wants = selectors.EVENT_READ
    except ssl.SSLWantReadError:
        going_on, wants = True, selectors.EVENT_READ
    except ssl.SSLWantWriteError:
        going_on, wants = True, selectors.EVENT_WRITE
    except OSError:
        going_on = False
    if going_on:
        selector.modify(client.sock, wants, client)
    else:
        close(client, selector, clients)


def step(client, deadline_s):
    if not client.shaken:
        client.sock.do_handshake()
        client.shaken = True
    client.until_s = time.monotonic() + deadline_s
    while not client.ended:
        while client.unsent:
            client.unsent = client.unsent[client.sock.send(client.unsent) :]
        client.unsent = client.sock.recv(16_384)
        client.ended = not client.unsent
    return False


def close(client, selector, clients):
    selector.unregister(client.sock)
    clients.discard(client)
    if client.shaken:
        with contextlib.suppress(OSError, ValueError):
            client.sock.unwrap()
    client.sock.close()
