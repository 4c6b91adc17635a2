"""Stable names for sockets: "listener", "client 1", "connection 1"."""

from sockets_lab.roles.known import Remembered
from sockets_lab.roles.naming import Roles

__all__ = ["Remembered", "Roles"]
