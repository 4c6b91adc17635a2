"""Probe what the machine can do; explain in words what it cannot."""

import errno
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sockets_lab import capabilities
from sockets_lab.capabilities import (
    CAPABILITIES,
    SWITCH,
    all_capabilities,
    capability,
    catalogue,
    has,
    machine,
    privileged,
    require,
    unprivileged,
)
from sockets_lab.capabilities.privileged import why_no_namespaces
from sockets_lab.capabilities.unprivileged import FOUND

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="tries what only Linux has")


@pytest.fixture(autouse=True)
def switch_unset(monkeypatch):
    monkeypatch.delenv(SWITCH, raising=False)


def forget():
    """Clear the caches, so that everything is probed again."""
    for kept in (catalogue._capability, catalogue._probe, privileged._answers):
        kept.cache_clear()


@pytest.mark.parametrize("name", CAPABILITIES)
def test_what_is_lacking_has_a_reason_and_a_remedy(name):
    found = capability(name)
    assert found.name == name
    assert found.shows
    assert bool(found.lacking) == bool(found.remedy) == (not found.has)
    assert has(name) == found.has


@pytest.mark.parametrize("name", CAPABILITIES)
def test_probing_takes_less_than_a_second(name):
    forget()
    began = time.monotonic()
    capability(name)
    assert time.monotonic() - began < 1


def test_all_capabilities_are_in_catalogue_order():
    assert tuple(each.name for each in all_capabilities()) == CAPABILITIES


@pytest.mark.parametrize("name", CAPABILITIES)
def test_each_can_be_switched_off(name, monkeypatch):
    monkeypatch.setenv(SWITCH, f"something-else, {name}")
    found = capability(name)
    assert not found.has
    assert found.lacking == f"switched off by {SWITCH}"
    assert name in found.remedy


def test_linux_switched_off_takes_others_with_it(monkeypatch):
    monkeypatch.setenv(SWITCH, "linux")
    for name in ("tcp-info", "sock-diag", "counters", "namespaces", "nftables", "raw-capture"):
        assert capability(name).lacking == f"switched off by {SWITCH}"
        assert "linux" in capability(name).remedy


def test_switch_may_change_at_any_time(monkeypatch):
    before = capability("ipv6")
    monkeypatch.setenv(SWITCH, "ipv6")
    assert not has("ipv6")
    monkeypatch.delenv(SWITCH)
    assert capability("ipv6") == before


def test_unknown_name_suggests_a_similar_one():
    with pytest.raises(KeyError, match=r"'name-space'.*namespaces"):
        capability("name-space")


def test_require_passes_or_raises_unavailable(monkeypatch):
    monkeypatch.setenv(SWITCH, "counters")
    with pytest.raises(
        capabilities.Unavailable, match="overflows cannot be seen here: switched off"
    ):
        require("counters", "overflows")
    monkeypatch.delenv(SWITCH)
    if has("counters"):
        require("counters", "overflows")


@on_linux
def test_ordinary_users_capabilities_on_linux():
    for name in ("linux", "tcp-info", "sock-diag", "counters"):
        assert has(name), capability(name)


def test_machine_facts():
    found = machine()
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.tls_highest == "TLS 1.3"
    if sys.platform == "linux":
        assert found.descriptors_at_most is None or found.descriptors <= found.descriptors_at_most
        assert found.somaxconn == int(Path("/proc/sys/net/core/somaxconn").read_text())


# Probes where something is missing


def refuse(number):
    def refusing(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return refusing


def test_names_another_system(monkeypatch):
    monkeypatch.setattr(unprivileged.platform, "system", lambda: "Darwin")
    assert "Darwin" in unprivileged.linux().lacking


def test_explains_missing_ipv6(monkeypatch):
    monkeypatch.setattr("sockets_lab.addresses.ipv6_works", lambda: False)
    assert "::1" in unprivileged.ipv6().lacking


@on_linux
def test_explains_missing_tcp_info(monkeypatch):
    monkeypatch.delattr(socket, "TCP_INFO")
    assert "TCP_INFO" in unprivileged.tcp_info().lacking
    monkeypatch.setattr(socket, "TCP_INFO", socket.TCP_MAXSEG, raising=False)
    assert "TCP_INFO" in unprivileged.tcp_info().lacking


@on_linux
def test_explains_missing_sock_diag(monkeypatch):
    monkeypatch.setattr(unprivileged, "_NETLINK_SOCK_DIAG", 31)  # a protocol that no kernel has
    assert "EPROTONOSUPPORT" in unprivileged.sock_diag().lacking


@on_linux
def test_explains_a_refusing_or_empty_sock_diag(monkeypatch):
    monkeypatch.setattr(unprivileged, "_LISTEN", 12)  # a state that no socket is listed with
    assert "lists no TCP socket" in unprivileged.sock_diag().lacking
    monkeypatch.setattr(unprivileged, "_listeners_are_listed", refuse(errno.EPERM))
    assert "EPERM" in unprivileged.sock_diag().lacking


def test_explains_unreadable_counters(monkeypatch):
    monkeypatch.setattr(Path, "read_text", refuse(errno.EACCES))
    assert "Permission denied" in unprivileged.counters().lacking
    monkeypatch.setattr(Path, "read_text", lambda path: "TcpExt: Nothing\nTcpExt: 0\n")
    assert "ListenOverflows" in unprivileged.counters().lacking


def test_counts_too_few_descriptors(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 4096))
    assert "4,096" in unprivileged.descriptors().lacking
    assert (machine().descriptors, machine().descriptors_at_most) == (256, 4096)
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert unprivileged.descriptors() == FOUND
    assert machine().descriptors is None


def test_detects_a_jupyter_kernel(monkeypatch):
    assert "Jupyter" in unprivileged.jupyter().lacking
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert unprivileged.jupyter() == FOUND


def test_private_network_may_lack_something(monkeypatch):
    answers = {"namespaces": "yes", "raw-capture": "raw-capture: EPERM", "nftables": "x: ENOENT"}
    monkeypatch.setattr(privileged, "_answers", lambda: answers)
    assert privileged.namespaces() == FOUND
    assert "EPERM" in privileged.raw_capture().lacking
    assert "modprobe nf_tables" in privileged.nftables().remedy


def test_explains_a_probe_that_cannot_start(monkeypatch):
    forget()
    monkeypatch.setattr(privileged.subprocess, "run", refuse(errno.ENOENT))
    assert "FileNotFoundError" in privileged.namespaces().lacking
    forget()


# Reasons for missing private networks


@pytest.mark.parametrize(
    ("file", "value", "cause", "remedy"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor", "userns=0"),
        ("kernel/unprivileged_userns_clone", "0", "ordinary users", "clone=1"),
        ("user/max_user_namespaces", "0", "no user namespaces", "max_user_namespaces="),
    ],
)
def test_names_the_setting_that_forbids_namespaces(tmp_path, file, value, cause, remedy):
    setting = tmp_path / file
    setting.parent.mkdir()
    setting.write_text(value + "\n")
    found = why_no_namespaces("uid_map: EPERM", tmp_path, confined=True)
    assert cause in found.lacking
    assert "uid_map: EPERM" in found.lacking
    assert remedy in found.remedy


def test_distinguishes_a_container_from_a_kernel(tmp_path):
    assert "seccomp" in why_no_namespaces("unshare: EPERM", tmp_path, confined=True).remedy
    assert "EINVAL" in why_no_namespaces("unshare: EINVAL", tmp_path, confined=False).lacking


def answers_of(*command):
    """Return `capability("namespaces")` as text, in a process started through `command`."""
    code = (
        "from sockets_lab.capabilities import capability; print(*capability('namespaces'), sep='|')"
    )
    done = subprocess.run(
        [*command, sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=10,
        env={**os.environ, "PYTHONPATH": str(Path(capabilities.__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SECCOMP_WITHOUT_UNSHARE = textwrap.dedent(
    """
    import ctypes, os, struct, sys
    LOAD, JUMP_IF_EQUAL, RETURN, ALLOW, REFUSE = 0x20, 0x15, 6, 0x7FFF0000, 0x50001
    number = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
    program = b"".join(struct.pack("=HBBI", *step) for step in (
        (LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, number),
        (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW),
    ))
    kept = ctypes.create_string_buffer(program)
    filter = struct.pack("@HP", 4, ctypes.addressof(kept))
    prctl = ctypes.CDLL(None).prctl
    assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, filter, 0, 0) == 0
    os.execv(sys.argv[1], sys.argv[1:])
    """
)


@on_linux
@pytest.mark.skipif(not has("namespaces"), reason="there is nothing to forbid")
def test_recognises_dockers_seccomp_filter():
    name, has_it, _, lacking, remedy = answers_of(
        sys.executable, "-c", SECCOMP_WITHOUT_UNSHARE
    ).split("|")
    assert (name, has_it) == ("namespaces", "False")
    assert "seccomp" in lacking
    assert "EPERM" in lacking
    assert "--security-opt seccomp=unconfined" in remedy


@on_linux
@pytest.mark.skipif(not has("namespaces"), reason="there is nothing to probe twice")
def test_probing_does_not_move_this_process():
    before = os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/user")
    forget()
    assert has("namespaces")
    assert (os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/user")) == before


def test_import_loads_nothing_heavy():
    code = "import sockets_lab.capabilities, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"ssl", "psutil", "pyroute2", "asyncio", "ctypes", "matplotlib", "ipywidgets"}
    assert heavy.isdisjoint(loaded)
