"""Probe what needs root in a network: a child process tries it in a private network."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from shutil import which
from typing import Final

from sockets_lab.capabilities.unprivileged import FOUND, Finding

__all__ = ["namespaces", "netem", "nftables", "raw_capture", "why_no_namespaces"]

_PROBE: Final = Path(__file__).with_name("namespaces.py")
_DEADLINE_S: Final = 5.0  # it takes 0.1 s; on a busy machine a wrong "no" is worse than a wait
_SYSTEM: Final = Path("/proc/sys")

# Settings that refuse ordinary users a user namespace: file, refusing value, reason, remedy.
_SETTINGS: Final = (
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor does not let ordinary users create private networks (Ubuntu since 24.04)",
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, until the next restart",
    ),
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "this kernel does not let ordinary users create private networks",
        "sudo sysctl kernel.unprivileged_userns_clone=1, until the next restart",
    ),
    (
        "user/max_user_namespaces",
        "0",
        "this machine allows no user namespaces",
        "sudo sysctl user.max_user_namespaces=10000, until the next restart",
    ),
)
_SECCOMP: Final = Finding(
    "a seccomp filter forbids private networks, as in Docker's default profile",
    "start the container with --security-opt seccomp=unconfined, or run outside the container",
)
_A_FULL_KERNEL: Final = "use a full Linux kernel, on your own computer or in a virtual machine"


def namespaces() -> Finding:
    """Try to give a process a private network."""
    answer = _answers().get("namespaces", "the probe did not start")
    return FOUND if answer == "yes" else why_no_namespaces(answer, _SYSTEM, _confined())


def raw_capture() -> Finding:
    """Try to capture a packet with a raw socket, in a private network."""
    answer = _answers().get("raw-capture", "not tried")
    if answer == "yes":
        return FOUND
    return Finding(f"packets cannot be captured in a private network ({answer})", _A_FULL_KERNEL)


def nftables() -> Finding:
    """Try a firewall rule in a private network, and look for the program that writes them."""
    answer = _answers().get("nftables", "not tried")
    if answer != "yes":
        return Finding(
            f"the kernel rejects nftables rules in a private network ({answer})",
            "load the kernel's module: sudo modprobe nf_tables",
        )
    if which("nft") is None:
        return Finding(
            "the program nft, which reads firewall rules, is not installed",
            "install nftables, as with sudo apt install nftables",
        )
    return FOUND


def netem() -> Finding:
    """Try the queueing discipline that delays and drops packets, in a private network."""
    answer = _answers().get("netem", "not tried")
    if answer == "yes":
        return FOUND
    return Finding(
        f"the kernel cannot delay or drop packets: it has no netem ({answer})",
        "load the kernel's module, if there is one: sudo modprobe sch_netem",
    )


def why_no_namespaces(answer: str, system: Path, confined: bool) -> Finding:
    """Explain a refusal from the probe's answer, the settings below `system`, and seccomp."""
    for file, refuses, lacking, remedy in _SETTINGS:
        if _setting(system / file) == refuses:
            return Finding(f"{lacking} ({answer})", remedy)
    if confined:
        return Finding(f"{_SECCOMP.lacking} ({answer})", _SECCOMP.remedy)
    return Finding(f"the kernel does not create private networks ({answer})", _A_FULL_KERNEL)


@cache
def _answers() -> dict[str, str]:
    """Return what the child printed, by name: one child tries all four."""
    try:
        child = subprocess.run(
            [sys.executable, "-I", "-S", str(_PROBE)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"namespaces": f"{type(error).__name__} of the probe"}
    lines = (line.partition(" ") for line in child.stdout.splitlines())
    return {name: answer for name, _, answer in lines}


def _setting(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _confined() -> bool:
    """Return True if this process runs under a seccomp filter, as in containers."""
    return "\nSeccomp:\t2" in _setting(Path("/proc/self/status"))
