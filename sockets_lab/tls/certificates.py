"""A throwaway certificate authority (CA), valid certificates, and a gallery of broken ones.

The CA and the valid certificates are made by trustme, the broken ones with cryptography, one fault
each. Keys stay in memory, except for the moment that `sockets_lab.tls.files` describes.
"""

import datetime
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from sockets_lab.tls.files import temporary_file

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

__all__ = ["FAULTS", "Authority", "Certificate", "Fault"]

_DAY = datetime.timedelta(days=1)


class Certificate(NamedTuple):
    """A certificate with its chain and private key, as PEM (RFC 7468).

    names: the DNS names and addresses that it is valid for
    """

    names: tuple[str, ...]
    chain: bytes
    key: bytes

    def load_into(self, context: ssl.SSLContext) -> None:
        """Make `context` present this certificate. Raises ssl.SSLError if OpenSSL refuses it."""
        with temporary_file(self.key + self.chain) as file:
            context.load_cert_chain(file)

    def __repr__(self) -> str:
        return f"<certificate for {', '.join(self.names) or 'no name'}>"


class Fault(NamedTuple):
    """One thing that can be wrong with a certificate.

    alert: the description of the alert with which the client refuses it (RFC 8446, section 6.2)
    """

    what: str
    alert: str


FAULTS = {
    "expired": Fault("its validity period is over", "certificate_expired"),
    "not yet valid": Fault("its validity period has not begun", "bad_certificate"),
    "wrong name": Fault("it is for another name", "bad_certificate"),
    "no name": Fault("its server's name is only in the subject (no SAN)", "bad_certificate"),
    "self-signed": Fault("it is signed with its own key", "unknown_ca"),
    "unknown authority": Fault(
        "its signer is an authority that the client does not trust", "unknown_ca"
    ),
    "revoked": Fault("its authority has revoked it", "certificate_revoked"),
    "weak key": Fault("its RSA key has 1,024 bits", "bad_certificate"),
    "wrong use": Fault("it is for clients", "unsupported_certificate"),
}


class Authority:
    """A throwaway certificate authority (CA): it exists only in this process."""

    def __init__(self, name: str = "Sockets Lab") -> None:
        import trustme

        self._ca = trustme.CA(organization_name=name)
        self.name = name

    @property
    def pem(self) -> bytes:
        """Return the CA certificate, which every client that trusts it needs; it is not secret."""
        return self._ca.cert_pem.bytes()

    def trusted_by(self, context: ssl.SSLContext) -> None:
        """Make `context` trust the certificates that this authority signed."""
        context.load_verify_locations(cadata=self.pem.decode())

    def issue(self, *names: str) -> Certificate:
        """Issue a valid certificate for DNS names and IP addresses, for servers and clients."""
        made = self._ca.issue_cert(*names)
        chain = b"".join(each.bytes() for each in made.cert_chain_pems)
        return Certificate(names, chain, made.private_key_pem.bytes())

    def issue_for_servers_only(self, *names: str) -> Certificate:
        """Issue a certificate that clients must not use (extended key usage, RFC 5280)."""
        return _build(self, "", names)

    def issue_faulty(self, fault: str, *names: str) -> Certificate:
        """Issue a certificate for `names` with one of FAULTS; ValueError for an unknown fault."""
        if fault not in FAULTS:
            raise ValueError(f"unknown fault {fault!r}; choose one of: {', '.join(FAULTS)}")
        if fault == "unknown authority":
            return Authority("Another Authority").issue(*names)
        if fault in {"revoked", "wrong name"}:
            return self.issue(*(names if fault == "revoked" else ["elsewhere.example"]))
        return _build(self, fault, names)

    def revocation_list(self, *revoked: Certificate) -> bytes:
        """Return a revocation list (CRL) of these certificates, as PEM (RFC 5280)."""
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
        """Return the CA certificate as an object of cryptography."""
        from cryptography import x509

        return x509.load_pem_x509_certificate(self.pem)

    def key(self) -> "PrivateKey":
        """Return the private key as an object of cryptography."""
        from cryptography.hazmat.primitives import serialization

        return serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)  # type: ignore[return-value]  # trustme's keys are elliptic


def _build(authority: Authority, fault: str, names: tuple[str, ...]) -> Certificate:
    """Build a certificate for servers, with a fault, or "" for none."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    weak = fault == "weak key"
    key = rsa.generate_private_key(65537, 1024) if weak else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    self_signed = fault == "self-signed"
    signer = key if self_signed else authority.key()
    first, last = _dates(fault)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if self_signed else authority.certificate().subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(_key_usage(fault), critical=False)
    )
    if fault != "no name":
        builder = builder.add_extension(_alternative_names(names), critical=False)
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
    """Return the beginning and end of its validity: around now, unless that is the fault."""
    now = datetime.datetime.now(datetime.UTC)
    first, last = {"expired": (-30, -1), "not yet valid": (1, 30)}.get(fault, (-1, 1))
    return now + first * _DAY, now + last * _DAY


def _key_usage(fault: str) -> "x509.ExtendedKeyUsage":
    from cryptography.x509 import ExtendedKeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID

    for_clients = fault == "wrong use"
    return ExtendedKeyUsage(
        [ExtendedKeyUsageOID.CLIENT_AUTH if for_clients else ExtendedKeyUsageOID.SERVER_AUTH]
    )


def _alternative_names(names: tuple[str, ...]) -> "x509.SubjectAlternativeName":
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
