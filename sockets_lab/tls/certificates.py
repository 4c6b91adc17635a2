"""Certificates made on the spot: an authority of one's own, good ones, and a gallery of bad ones.

The authority and the good certificates are trustme's, the bad ones are built with cryptography, one
fault each. Keys are held in memory; `sockets_lab.tls.files` tells of the one moment when a key is
not.
"""

import datetime
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from sockets_lab.tls.files import in_a_file

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

__all__ = ["FAULTS", "Authority", "Certificate", "Fault"]

_DAY = datetime.timedelta(days=1)


class Certificate(NamedTuple):
    """A certificate with those that vouch for it, and its private key, as PEM (RFC 7468).

    names: the DNS names and addresses that it is for
    """

    names: tuple[str, ...]
    chain: bytes
    key: bytes

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let `context` show this certificate. Raises ssl.SSLError where OpenSSL refuses it."""
        with in_a_file(self.key + self.chain) as file:
            context.load_cert_chain(file)

    def __repr__(self) -> str:
        return f"<certificate for {', '.join(self.names) or 'nobody'}>"


class Fault(NamedTuple):
    """One thing that can be wrong with a certificate.

    alert: the description that the client sends when it refuses it (RFC 8446, section 6.2); "" if a
        client of Python refuses it by itself, after the handshake or before
    """

    what: str
    alert: str


FAULTS = {
    "expired": Fault("its last day is over", "certificate_expired"),
    "not yet valid": Fault("its first day has not come", "bad_certificate"),
    "wrong name": Fault("it is for another name", "bad_certificate"),
    "no name": Fault("it names its server in the old place only (no SAN)", "bad_certificate"),
    "self-signed": Fault("nobody vouches for it but itself", "unknown_ca"),
    "unknown authority": Fault(
        "somebody vouches for it whom the client does not trust", "unknown_ca"
    ),
    "revoked": Fault("its authority has taken it back", "certificate_revoked"),
    "weak key": Fault("its RSA key has 1,024 bits", "bad_certificate"),
    "wrong use": Fault("it is for clients", "unsupported_certificate"),
}


class Authority:
    """A certificate authority that exists in this process, and nowhere else."""

    def __init__(self, name: str = "Sockets Lab") -> None:
        import trustme

        self._ca = trustme.CA(organization_name=name)
        self.name = name

    @property
    def pem(self) -> bytes:
        """Its own certificate, which whoever trusts it needs; no secret."""
        return self._ca.cert_pem.bytes()

    def trusted_by(self, context: ssl.SSLContext) -> None:
        """Let `context` trust what this authority vouches for."""
        context.load_verify_locations(cadata=self.pem.decode())

    def issue(self, *names: str) -> Certificate:
        """A good certificate for DNS names, IPv4 and IPv6 addresses, for servers and clients."""
        made = self._ca.issue_cert(*names)
        chain = b"".join(each.bytes() for each in made.cert_chain_pems)
        return Certificate(names, chain, made.private_key_pem.bytes())

    def issue_for_servers_only(self, *names: str) -> Certificate:
        """A certificate that a client may not show (extended key usage, RFC 5280)."""
        return _built(self, "", names)

    def issue_faulty(self, fault: str, *names: str) -> Certificate:
        """A certificate for `names` with one of FAULTS; ValueError for a fault that is none."""
        if fault not in FAULTS:
            raise ValueError(f"no fault is called {fault!r}: there is {', '.join(FAULTS)}")
        if fault == "unknown authority":
            return Authority("Somebody Else").issue(*names)
        if fault in {"revoked", "wrong name"}:
            return self.issue(*(names if fault == "revoked" else ["elsewhere.example"]))
        return _built(self, fault, names)

    def revocation_list(self, *revoked: Certificate) -> bytes:
        """A list of the certificates that this authority has taken back, as PEM (RFC 5280)."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate().subject)
            .last_update(now - _DAY)
            .next_update(now + _DAY)
        )
        for each in revoked:
            serial = x509.load_pem_x509_certificate(each.chain).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def certificate(self) -> "x509.Certificate":
        """Its own certificate, as cryptography has it."""
        from cryptography import x509

        return x509.load_pem_x509_certificate(self.pem)

    def key(self) -> "PrivateKey":
        """Its private key, as cryptography has it."""
        from cryptography.hazmat.primitives import serialization

        return serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)  # type: ignore[return-value]  # trustme's are elliptic


def _built(authority: Authority, fault: str, names: tuple[str, ...]) -> Certificate:
    """Build a certificate for servers, with a fault, or "" for none."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    weak = fault == "weak key"
    key = rsa.generate_private_key(65537, 1024) if weak else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    alone = fault == "self-signed"
    signer = key if alone else authority.key()
    first, last = _dates(fault)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if alone else authority.certificate().subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(_use(fault), critical=False)
    )
    if fault != "no name":
        builder = builder.add_extension(_for_names(names), critical=False)
    return Certificate(
        names,
        builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _dates(fault: str) -> tuple[datetime.datetime, datetime.datetime]:
    """Choose its first and its last moment: around now, unless just that is its fault."""
    now = datetime.datetime.now(datetime.UTC)
    first, last = {"expired": (-30, -1), "not yet valid": (1, 30)}.get(fault, (-1, 1))
    return now + first * _DAY, now + last * _DAY


def _use(fault: str) -> "x509.ExtendedKeyUsage":
    from cryptography.x509 import ExtendedKeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID

    for_clients = fault == "wrong use"
    return ExtendedKeyUsage(
        [ExtendedKeyUsageOID.CLIENT_AUTH if for_clients else ExtendedKeyUsageOID.SERVER_AUTH]
    )


def _for_names(names: tuple[str, ...]) -> "x509.SubjectAlternativeName":
    from cryptography import x509

    return x509.SubjectAlternativeName(
        [
            x509.IPAddress(ip_address(name)) if _is_address(name) else x509.DNSName(name)
            for name in names
        ]
    )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
