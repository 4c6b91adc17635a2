"""The process that holds a private network, and does in it what it is asked to.

It answers one request at a time: (verb, arguments) comes in, ("done", value) or ("failed", error)
goes back, with descriptors beside it. When the other end is closed or its process has died, the
keeper ends, and with it the network, unless a socket of it is still open somewhere.
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
from sockets_lab.netns.errors import refusal
from sockets_lab.netns.topology import Wiring

__all__ = ["LONGEST", "keep"]

LONGEST = 1 << 17  # bytes of a request or an answer
_NFT_S = 5.0  # it takes milliseconds

Answer = tuple[Any, list[int]]


def keep(descriptor: int, parent: int) -> None:
    """Make a network, and serve requests until nobody is left who could ask."""
    with socket.socket(fileno=descriptor) as channel:
        channel.set_inheritable(False)
        try:
            enter()
            keeper = _Keeper()
        except OSError as error:
            _send(channel, "failed", refusal(error))
            return
        _send(channel, "done", None, [os.open("/proc/self/ns/user", os.O_RDONLY | os.O_CLOEXEC)])
        _serve(channel, os.pidfd_open(parent), keeper)


def _serve(channel: socket.socket, parent: int, keeper: "_Keeper") -> None:
    with selectors.DefaultSelector() as waiting:
        waiting.register(channel, selectors.EVENT_READ)
        waiting.register(parent, selectors.EVENT_READ)
        while all(key.fileobj is channel for key, _ in waiting.select()):
            request = channel.recv(LONGEST)
            if not request:
                break
            verb, args = pickle.loads(request)
            try:
                value, descriptors = keeper.verbs[verb](*args)
            except Exception as error:  # the asker raises it
                _send(channel, "failed", error)
            else:
                _send(channel, "done", value, descriptors)
                if verb == "socket":  # its copy is under way: keeping it would keep it open
                    os.close(*descriptors)


def _send(
    channel: socket.socket, how: str, what: object, descriptors: list[int] | None = None
) -> None:
    socket.send_fds(channel, [pickle.dumps((how, what))], descriptors or [])


class _Keeper:
    """What can be asked for."""

    def __init__(self) -> None:
        self._wiring = Wiring()
        self.verbs: dict[str, Callable[..., Answer]] = {
            "host": self._host,
            "socket": self._socket,
            "nft": self._nft,
            "read": self._read,
            "write": self._write,
        }

    def _host(self, name: str, addresses: list[str], delay_s: float, loss: float) -> Answer:
        scope_id, network = self._wiring.add(name, addresses, delay_s, loss)
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
        return self._on(host, lambda: _place(setting).read_text().strip()), []

    def _write(self, host: str, setting: str, value: str) -> Answer:
        self._on(host, lambda: _place(setting).write_text(value))
        return None, []

    def _on(self, host: str, action: Callable[[], Any]) -> Any:
        self._wiring.on(host)
        try:
            return action()
        finally:
            self._wiring.back()


def _place(setting: str) -> Path:
    """Where the setting "net.ipv4.tcp_syncookies" stands; ValueError for what is none."""
    if not re.fullmatch(r"net(\.[\w-]+)+", setting):
        raise ValueError(f"{setting!r} is no setting of a network, like 'net.ipv4.tcp_syncookies'")
    return Path("/proc/sys", *setting.split("."))
