"""Describe the machine that the experiments run on."""

import platform
from pathlib import Path
from typing import NamedTuple

__all__ = ["Machine", "machine"]


class Machine(NamedTuple):
    """This machine; None where a limit does not exist or is unknown.

    `descriptors` and `descriptors_at_most` are the soft and the hard limit of one process,
    `somaxconn` caps every listener's backlog, in connections.
    """

    system: str
    python: str
    tls_library: str
    tls_highest: str
    descriptors: int | None
    descriptors_at_most: int | None
    somaxconn: int | None

    def __str__(self) -> str:
        facts = {
            "system": self.system,
            "Python": self.python,
            "TLS": f"up to {self.tls_highest}, {self.tls_library}",
            "descriptor limit": f"{_text(self.descriptors)}, can be raised to "
            f"{_text(self.descriptors_at_most)}",
            "somaxconn": _text(self.somaxconn),
        }
        return "\n".join(f"{name:<18}{fact}" for name, fact in facts.items())


def _text(limit: int | None) -> str:
    return "no limit known" if limit is None else f"{limit:,}"


def machine() -> Machine:
    """Return the facts as they are now; nothing is cached, since limits can be raised."""
    soft, hard = _descriptor_limits()
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        **_tls(),
        descriptors=soft,
        descriptors_at_most=hard,
        somaxconn=_somaxconn(),
    )


def _tls() -> dict[str, str]:
    try:
        import ssl
    except ImportError:  # a Python built without OpenSSL
        return {"tls_library": "none", "tls_highest": "none"}
    versions = ("TLSv1_3", "TLSv1_2", "TLSv1_1", "TLSv1")
    highest = next(version for version in versions if getattr(ssl, f"HAS_{version}"))
    return {
        "tls_library": ssl.OPENSSL_VERSION,
        "tls_highest": highest.replace("v", " ").replace("_", "."),
    }


def _descriptor_limits() -> tuple[int | None, int | None]:
    try:
        import resource
    except ImportError:  # Windows
        return None, None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _finite(soft, resource.RLIM_INFINITY), _finite(hard, resource.RLIM_INFINITY)


def _finite(limit: int, infinity: int) -> int | None:
    return None if limit == infinity else limit


def _somaxconn() -> int | None:
    try:
        return int(Path("/proc/sys/net/core/somaxconn").read_text())
    except OSError:  # macOS keeps it in sysctl(8): kern.ipc.somaxconn
        return None
