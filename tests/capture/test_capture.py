"""Captures read from files: the recorded ones, and those of other tools."""

import ipaddress
import logging
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockets_lab.capture import Capture, Packet, Segment, Step, read
from sockets_lab.capture.scenarios import SCENARIOS
from sockets_lab.capture.streams import assemble
from sockets_lab.course_files import find_course_files

CAPTURES = find_course_files().data / "captures"
RECORDED = sorted(path.stem for path in CAPTURES.glob("*.pcap"))

HANDSHAKE = """\
client 1 -> connection 1: SYN
connection 1 -> client 1: SYN ACK
client 1 -> connection 1: ACK
"""
EXPECTED_TEXT = {
    "whole_connection": f"""\
{HANDSHAKE}client 1 -> connection 1: PSH ACK, 5 bytes
connection 1 -> client 1: ACK
connection 1 -> client 1: PSH ACK, 5 bytes
client 1 -> connection 1: ACK
client 1 -> connection 1: FIN ACK
connection 1 -> client 1: ACK
connection 1 -> client 1: FIN ACK
client 1 -> connection 1: ACK""",
    "half_close": f"""\
{HANDSHAKE}client 1 -> connection 1: PSH ACK, 5 bytes
connection 1 -> client 1: ACK
client 1 -> connection 1: FIN ACK
connection 1 -> client 1: ACK
connection 1 -> client 1: PSH ACK, 5 bytes
client 1 -> connection 1: ACK
connection 1 -> client 1: FIN ACK
client 1 -> connection 1: ACK""",
    "reset": f"""\
{HANDSHAKE}client 1 -> connection 1: PSH ACK, 5 bytes
connection 1 -> client 1: ACK
connection 1 -> client 1: PSH ACK, 5 bytes
client 1 -> connection 1: ACK
connection 1 -> client 1: RST ACK""",
    "full_queue": f"""\
{HANDSHAKE}client 2 -> listener: SYN
client 2 -> connection 2: SYN, again
connection 2 -> client 2: SYN ACK
client 2 -> connection 2: ACK
client 1 -> connection 1: FIN ACK
connection 1 -> client 1: ACK
connection 1 -> client 1: FIN ACK
client 1 -> connection 1: ACK
connection 2 -> client 2: RST ACK""",
}

A, B, C, LISTENER = 40_001, 40_002, 40_003, 80


def packets(*rows: tuple[int, int, str, int, int], data: bytes = b"") -> list[Packet]:
    """Return packets, 1 ms after each other: ports, flags as scapy writes them, seq, ack."""
    from scapy.layers.inet import IP, TCP

    return [
        Packet(
            number * 10**6,
            bytes(
                IP(src="127.0.0.1", dst="127.0.0.1")
                / TCP(sport=source, dport=target, flags=flags, seq=seq, ack=ack)
                / (data if "P" in flags else b"")
            ),
        )
        for number, (source, target, flags, seq, ack) in enumerate(rows)
    ]


def ip_packets(path: Path) -> Iterator[bytes]:
    """Return the packets of a pcap file, read without scapy."""
    data = path.read_bytes()
    magic, *_, link_type = struct.unpack_from("<IHHIIII", data)
    assert (magic, link_type) == (0xA1B23C4D, 101)  # times in ns; packets begin with the IP header
    at = 24
    while at < len(data):
        _, _, length, _ = struct.unpack_from("<IIII", data, at)
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


# The recorded captures


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_capture_has_roles(name: str) -> None:
    scenario, _, _ = name.rpartition("_")
    assert str(read(CAPTURES / f"{name}.pcap")) == EXPECTED_TEXT[scenario]


def test_every_scenario_has_two_recordings() -> None:
    assert sorted(f"{name}_{ip}" for name in SCENARIOS for ip in ("ipv4", "ipv6")) == RECORDED


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_knows_no_host_but_loopback(name: str) -> None:
    version, at, size = (4, 12, 4) if name.endswith("ipv4") else (6, 8, 16)
    for data in ip_packets(CAPTURES / f"{name}.pcap"):
        ends = (data[at : at + size], data[at + size : at + 2 * size])
        assert data[0] >> 4 == version
        assert all(ipaddress.ip_address(end).is_loopback for end in ends)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_capture_has_its_steps(name: str) -> None:
    seen = read(CAPTURES / f"{name}.pcap")
    assert "connects" in seen.steps[0].words
    assert seen.steps[0].segments == 3
    assert seen.steps[-1].segments == len(seen)


def test_the_readme_lists_every_recording() -> None:
    table = (CAPTURES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)_ipv4\.pcap`, `\1_ipv6\.pcap` \|", table, re.M) == [*SCENARIOS]


def test_numbers_count_from_the_syn() -> None:
    seen = read(CAPTURES / "whole_connection_ipv4.pcap")
    request, reply, last = seen[3], seen[5], seen[-1]
    assert (request.seq, request.ack, request.payload) == (1, 1, b"hello")
    assert (reply.seq, reply.ack, reply.payload) == (1, 6, b"HELLO")
    assert (last.seq, last.ack) == (7, 7)  # SYN, 5 bytes and FIN, of either end
    assert seen[0].ack is None
    assert request.window > 65_535 > seen[0].window  # scaled, and unscaled in a SYN (RFC 7323)


def test_an_unanswered_syn_is_repeated_after_1_s() -> None:
    seen = read(CAPTURES / "full_queue_ipv4.pcap").of("client 2")
    first, second, *_ = seen
    assert (first.seq, first.flags) == (second.seq, second.flags) == (0, "SYN")
    assert (first.again, second.again) == (False, True)
    assert second.at_s - first.at_s > 0.9


def test_times_count_from_the_first_segment() -> None:
    times = [segment.at_s for segment in read(CAPTURES / "half_close_ipv6.pcap")]
    assert times[0] == 0
    assert times == sorted(times)


# What a capture is


def test_a_capture_is_a_sequence() -> None:
    seen = read(CAPTURES / "reset_ipv4.pcap")
    assert len(seen) == 8
    assert seen[-1].flags == "RST ACK"
    assert [each.flags for each in seen[:2]] == ["SYN", "SYN ACK"]
    assert seen[0] in seen
    assert seen.roles == ("client 1", "connection 1")


def test_a_role_keeps_its_packets_and_steps(tmp_path: Path) -> None:
    of_two = read(CAPTURES / "full_queue_ipv6.pcap").of("client 2")
    assert of_two.roles == ("client 2", "listener", "connection 2")
    assert [step.segments for step in of_two.steps] == [0, 1, 1, 4, 4, 4, 5]
    of_two.save(tmp_path / "two.pcap")
    again = read(tmp_path / "two.pcap")
    assert [(each.flags, each.again) for each in again] == [
        (each.flags, each.again) for each in of_two
    ]
    assert [step[:2] for step in again.steps] == [step[:2] for step in of_two.steps]


def test_an_unknown_role_is_an_error() -> None:
    with pytest.raises(KeyError, match="this capture has no 'client 2', but client 1"):
        read(CAPTURES / "reset_ipv4.pcap").of("client 2")


def test_without_optional_acknowledgements() -> None:
    bare = str(read(CAPTURES / "half_close_ipv4.pcap").without_bare_acks())
    assert (
        bare
        == f"""\
{HANDSHAKE}client 1 -> connection 1: PSH ACK, 5 bytes
client 1 -> connection 1: FIN ACK
connection 1 -> client 1: PSH ACK, 5 bytes
connection 1 -> client 1: FIN ACK
client 1 -> connection 1: ACK"""
    )


def test_an_acknowledgement_on_a_fin_is_the_same() -> None:
    handshake = ((A, LISTENER, "S", 0, 0), (LISTENER, A, "SA", 0, 1), (A, LISTENER, "A", 1, 1))
    close, answer = (A, LISTENER, "FA", 1, 1), (LISTENER, A, "A", 1, 2)
    rest = ((LISTENER, A, "FA", 1, 2), (A, LISTENER, "A", 2, 2))
    one = assemble(packets(*handshake, close, answer, *rest))
    other = assemble(packets(*handshake, close, *rest))
    assert str(one) != str(other)
    assert str(one.without_bare_acks()) == str(other.without_bare_acks()) == str(other)


def test_segments_without_packets_cannot_be_saved(tmp_path: Path) -> None:
    by_hand = Capture([Segment(0, "client 1", "listener", "SYN", 0, None)])
    with pytest.raises(ValueError, match="1 segments and no packets"):
        by_hand.save(tmp_path / "none.pcap")


def test_the_text_of_a_segment() -> None:
    plain = Segment(1.5, "client 1", "connection 1", "PSH ACK", 1, 1, 1)
    assert str(plain) == "client 1 -> connection 1: PSH ACK, 1 byte"
    assert str(plain._replace(nbytes=65_483, again=True)).endswith("PSH ACK, 65,483 bytes, again")
    assert str(plain._replace(flags="", nbytes=0)).endswith("connection 1: no flag")


# Who is who


def test_flags_are_in_the_order_of_their_bits() -> None:
    seen = assemble(packets((A, LISTENER, "S", 5, 0), (A, LISTENER, "FSRPAUEC", 6, 0)))
    assert seen[1].flags == "FIN SYN RST PSH ACK URG ECE CWR"


def test_a_closed_port_is_named() -> None:
    seen = assemble(packets((A, LISTENER, "S", 7, 0), (LISTENER, A, "RA", 0, 8)))
    assert str(seen) == "client 1 -> closed port: SYN\nclosed port -> client 1: RST ACK"
    assert seen[1].ack == 1


def test_a_reused_port_is_another_client() -> None:
    refused = ((A, LISTENER, "S", 7, 0), (LISTENER, A, "RA", 0, 8))
    seen = assemble(packets(*refused, (A, LISTENER, "S", 99, 0), (LISTENER, A, "SA", 5, 100)))
    assert [str(each) for each in seen][2:] == [
        "client 2 -> connection 2: SYN",
        "connection 2 -> client 2: SYN ACK",
    ]


def test_a_simultaneous_open_has_two_clients() -> None:
    both = packets(
        (A, B, "S", 10, 0), (B, A, "S", 20, 0), (A, B, "SA", 10, 21), (B, A, "SA", 20, 11)
    )
    assert [str(each) for each in assemble(both)] == [
        "client 1 -> client 2: SYN",
        "client 2 -> client 1: SYN",
        "client 1 -> client 2: SYN ACK",
        "client 2 -> client 1: SYN ACK",
    ]


def test_one_that_calls_itself_is_one_client() -> None:
    seen = assemble(packets((A, A, "S", 10, 0), (A, A, "SA", 10, 11), (A, A, "A", 11, 11)))
    assert seen.roles == ("client 1",)


def test_listeners_are_numbered_by_first_use() -> None:
    seen = assemble(packets((A, 80, "S", 1, 0), (B, 81, "S", 1, 0), (C, 80, "S", 1, 0)))
    assert [each.receiver for each in seen] == ["listener", "listener 2", "listener"]


def test_numbers_may_wrap_around() -> None:
    last = 2**32 - 1
    seen = assemble(
        packets(
            (A, LISTENER, "S", last, 0),
            (LISTENER, A, "SA", last, 0),
            (A, LISTENER, "PA", 0, 0),
            data=b"hello",
        )
    )
    assert [(each.seq, each.ack, each.nbytes) for each in seen] == [
        (0, None, 0),
        (0, 1, 0),
        (1, 1, 5),
    ]


def test_earlier_connections_are_left_out() -> None:
    seen = assemble(packets((B, LISTENER, "PA", 5, 5), (A, LISTENER, "S", 7, 0)))
    assert len(seen) == seen.left_out == 1
    assert str(seen).splitlines()[-1] == ("segments left out because their SYN was not captured: 1")
    assert str(assemble([])) == "no segments"


# Other tools' files


def test_ethernet_padding_is_removed(tmp_path: Path) -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import ARP, Ether
    from scapy.utils import wrpcap, wrpcapng

    syn = IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=A, dport=80, flags="S", seq=9)
    syn.len = 40  # what follows is not the packet's
    frame = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")  # asked for, else
    frames = [frame / ARP(hwsrc=frame.src, psrc="192.0.2.1"), frame / syn / (b"\0" * 6)]
    for write, name in ((wrpcap, "one.pcap"), (wrpcapng, "one.pcapng")):
        write(str(tmp_path / name), frames)
        (segment,) = read(tmp_path / name)
        assert (str(segment), segment.nbytes) == ("client 1 -> listener: SYN", 0)


def test_a_truncated_payload_keeps_its_length() -> None:
    (packet,) = packets((A, LISTENER, "PA", 1, 1), data=b"hello")
    (syn,) = packets((A, LISTENER, "S", 0, 0))
    seen = assemble([syn, packet._replace(data=packet.data[:-3])])
    assert (seen[1].nbytes, seen[1].payload) == (5, b"he")


def test_says_what_is_no_capture(tmp_path: Path) -> None:
    for content in (b"", b"no capture at all, only text", b"\x1f\x8b broken"):
        (tmp_path / "text.pcap").write_bytes(content)
        with pytest.raises(
            ValueError, match=r"text\.pcap' is not a capture: .* tcpdump or Wireshark"
        ):
            read(tmp_path / "text.pcap")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.pcap")


def test_a_truncated_file_is_read_silently(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = (CAPTURES / "reset_ipv4.pcap").read_bytes()
    (tmp_path / "cut.pcap").write_bytes(whole[:-40])
    assert len(read(tmp_path / "cut.pcap")) == 8
    assert capfd.readouterr() == ("", "")


# scapy stays out of the way


def test_scapy_is_imported_late_and_silently() -> None:
    code = (
        "import sys, sockets_lab.capture\n"
        "assert not [name for name in sys.modules if name.startswith('scapy')]\n"
        f"sockets_lab.capture.read({str(CAPTURES / 'reset_ipv6.pcap')!r})\n"
        "assert 'scapy' in sys.modules and 'scapy.all' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_scapys_warnings_are_restored() -> None:
    read(CAPTURES / "reset_ipv4.pcap")
    before = logging.getLogger("scapy").level
    assert before == logging.WARNING
    logging.getLogger("scapy").setLevel(logging.DEBUG)
    read(CAPTURES / "reset_ipv4.pcap")
    assert logging.getLogger("scapy").level == logging.DEBUG
    logging.getLogger("scapy").setLevel(before)


def test_text_is_the_same_on_every_run() -> None:
    seen = read(CAPTURES / "reset_ipv4.pcap")
    assert repr(seen[0]) == "client 1 -> connection 1: SYN"
    assert repr(seen) == str(seen)
    assert repr(Step("the client connects", 3)) == "the client connects (segments so far: 3)"
