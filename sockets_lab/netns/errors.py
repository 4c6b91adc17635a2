"""Errors of a machine that makes no private network: why, and what would help."""

import errno

from sockets_lab.capabilities import Unavailable, capability

__all__ = ["NoPrivateNetwork", "refusal", "require"]


class NoPrivateNetwork(Unavailable):
    """This machine makes no private network; the message says why, and what would help."""


def require(name: str) -> None:
    """Raise NoPrivateNetwork unless this machine has the capability `name`."""
    wanted = capability(name)
    if not wanted.has:
        raise NoPrivateNetwork(f"{wanted.lacking}; {wanted.remedy}")


def refusal(error: OSError) -> NoPrivateNetwork:
    """Describe the kernel's refusal; the message of `error` is the step that failed."""
    code = errno.errorcode.get(error.errno or 0, "no errno")
    return NoPrivateNetwork(
        f"the kernel refused a private network ({error.strerror}: {code}); "
        "run `sockets-lab doctor` to see what this machine can do"
    )
