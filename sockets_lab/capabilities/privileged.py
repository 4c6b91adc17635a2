"""Probes of what needs root over a network: tried in a private one, by a child process."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from shutil import which
from typing import Final

from sockets_lab.capabilities.finding import FOUND, Finding

__all__ = ["namespaces", "netem", "nftables", "raw_capture", "why_no_namespaces"]

_PROBE: Final = Path(__file__).with_name("namespaces.py")
_DEADLINE_S: Final = 5.0  # it takes 0.1 s; on a busy machine a wrong "no" is worse than a wait
_SYSTEM: Final = Path("/proc/sys")

# Why an ordinary user may be refused a user namespace: file, the value that refuses, words.
_SETTINGS: Final = (
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor keeps ordinary users from making private networks, as Ubuntu does since 24.04",
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, until the next restart",
    ),
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "this kernel keeps ordinary users from making private networks",
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
    "a seccomp filter forbids private networks, as Docker's default profile does",
    "start the container with --security-opt seccomp=unconfined, or run outside the container",
)
_A_FULL_KERNEL: Final = "use a full Linux kernel, on a machine of your own or a virtual one"


def namespaces() -> Finding:
    """Can a process be given a network of its own?"""
    answer = _answers().get("namespaces", "the probe did not start")
    return FOUND if answer == "yes" else why_no_namespaces(answer, _SYSTEM, _confined())


def raw_capture() -> Finding:
    """Are packets seen in a raw capture, inside a private network?"""
    answer = _answers().get("raw-capture", "not tried")
    if answer == "yes":
        return FOUND
    return Finding(f"no packet can be captured in a private network ({answer})", _A_FULL_KERNEL)


def nftables() -> Finding:
    """Does the kernel accept firewall rules, inside a private network, and can they be written?"""
    answer = _answers().get("nftables", "not tried")
    if answer != "yes":
        return Finding(
            f"the kernel accepts no nftables rules in a private network ({answer})",
            "load the kernel's module: sudo modprobe nf_tables",
        )
    if which("nft") is None:
        return Finding(
            "the program nft, which reads firewall rules, is not installed",
            "install nftables, as with sudo apt install nftables",
        )
    return FOUND


def netem() -> Finding:
    """Can the kernel delay and lose packets, inside a private network?"""
    answer = _answers().get("netem", "not tried")
    if answer == "yes":
        return FOUND
    return Finding(
        f"the kernel delays and loses no packets: it has no netem ({answer})",
        "load the kernel's module, where there is one: sudo modprobe sch_netem",
    )


def why_no_namespaces(answer: str, system: Path, confined: bool) -> Finding:
    """Words for a refusal: what the probe answered, the settings below `system`, seccomp or not."""
    for file, refuses, lacking, remedy in _SETTINGS:
        if _setting(system / file) == refuses:
            return Finding(f"{lacking} ({answer})", remedy)
    if confined:
        return Finding(f"{_SECCOMP.lacking} ({answer})", _SECCOMP.remedy)
    return Finding(f"the kernel makes no private network ({answer})", _A_FULL_KERNEL)


@cache
def _answers() -> dict[str, str]:
    """What the child printed, by name: one child answers for all."""
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
    """Whether a seccomp filter holds this process, as in containers."""
    return "\nSeccomp:\t2" in _setting(Path("/proc/self/status"))
