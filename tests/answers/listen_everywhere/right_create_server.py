"""Lets create_server() set the options, and closes by hand."""

import errno
import socket

MISSING = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def listen_everywhere(hosts, port=0):
    addresses = addresses_of(hosts, port)
    for _ in range(20):
        try:
            return open_all(addresses)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no number is free on all addresses")


def addresses_of(hosts, port):
    found = {}
    for host in hosts:
        for family, _, _, _, name in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            found[name] = family
    return found


def open_all(addresses):
    listeners, missing = [], None
    try:
        for name, family in addresses.items():
            port = listeners[0].getsockname()[1] if listeners else name[1]
            try:
                listeners.append(socket.create_server((name[0], port), family=family))
            except OSError as error:
                if error.errno not in MISSING:
                    raise
                missing = error
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    if not listeners:
        raise missing
    return listeners
