"""The child process that holds a private network and serves requests for it.

It answers one request at a time: (verb, arguments) comes in, ("done", value) or ("failed", error)
goes back, with descriptors beside it. When the channel is closed or the parent has died, the
holder ends, and with it the network, unless a socket of it is still open in another process.
"""

import os
import pickle
import re
import selectors
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sockets_lab.capabilities.namespaces import enter
from sockets_lab.child import Parent
from sockets_lab.netns.errors import refusal

__all__ = ["LONGEST", "hold"]

LONGEST = 1 << 17
"""Bytes of a request or an answer."""
_NFT_S = 5.0  # it takes milliseconds

Answer = tuple[Any, list[int]]


def hold(parent: Parent, descriptor: int) -> None:
    """Create a network, and serve requests until the parent is gone.

    descriptor: of the Unix socket that carries them
    """
    with socket.socket(fileno=descriptor) as channel:
        channel.set_inheritable(False)
        try:
            enter()
            holder = _Holder()
        except OSError as error:
            _send(channel, "failed", refusal(error))
            return
        _send(channel, "done", None, [os.open("/proc/self/ns/user", os.O_RDONLY | os.O_CLOEXEC)])
        _serve(channel, parent, holder)


def _serve(channel: socket.socket, parent: Parent, holder: "_Holder") -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        for descriptor in parent.descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while all(key.fileobj is channel for key, _ in selector.select()):
            request = channel.recv(LONGEST)
            if not request:
                break
            verb, args = pickle.loads(request)
            try:
                value, descriptors = holder.verbs[verb](*args)
            except Exception as error:  # the parent raises it
                _send(channel, "failed", error)
            else:
                _send(channel, "done", value, descriptors)
                if verb == "socket":  # its copy is under way: keeping it would keep it open
                    os.close(*descriptors)


def _send(
    channel: socket.socket, status: str, value: object, descriptors: list[int] | None = None
) -> None:
    socket.send_fds(channel, [pickle.dumps((status, value))], descriptors or [])


class _Holder:
    """The verbs that a request can name."""

    def __init__(self) -> None:
        from sockets_lab.netns.topology import Topology  # pyroute2: slow, and needed here only

        self._topology = Topology()
        self.verbs: dict[str, Callable[..., Answer]] = {
            "host": self._host,
            "socket": self._socket,
            "nft": self._nft,
            "read": self._read,
            "write": self._write,
        }

    def _host(self, name: str, addresses: list[str], delay_s: float, loss: float) -> Answer:
        scope_id, network = self._topology.add(name, addresses, delay_s, loss)
        return scope_id, [network]

    def _socket(self, host: str, family: int, kind: int, protocol: int) -> Answer:
        made = self._on(host, lambda: socket.socket(family, kind, protocol))
        return None, [made.detach()]

    def _nft(self, host: str, arguments: list[str], rules: str) -> Answer:
        run = self._on(
            host,
            lambda: subprocess.run(
                ["nft", *arguments], input=rules, capture_output=True, text=True, timeout=_NFT_S
            ),
        )
        if run.returncode:
            raise ValueError(run.stderr.replace("/dev/stdin:", "line ").strip())
        return run.stdout, []

    def _read(self, host: str, setting: str) -> Answer:
        return self._on(host, lambda: _path(setting).read_text().strip()), []

    def _write(self, host: str, setting: str, value: str) -> Answer:
        self._on(host, lambda: _path(setting).write_text(value))
        return None, []

    def _on(self, host: str, action: Callable[[], Any]) -> Any:
        self._topology.enter(host)
        try:
            return action()
        finally:
            self._topology.leave()


def _path(setting: str) -> Path:
    """Return the file of a setting like "net.ipv4.tcp_syncookies"; ValueError for other names."""
    if not re.fullmatch(r"net(\.[\w-]+)+", setting):
        raise ValueError(
            f"{setting!r} is not a network setting: give one like 'net.ipv4.tcp_syncookies'"
        )
    return Path("/proc/sys", *setting.split("."))
