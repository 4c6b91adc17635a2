"""TLS contexts for lessons: which certificate a server presents, which authorities a client trusts.

They are plain `ssl.SSLContext`s, made in the same few lines as in any program.
"""

import ssl
from collections.abc import Iterable, Mapping

from sockets_lab.tls.certificates import Authority, Certificate
from sockets_lab.tls.files import temporary_file

__all__ = ["client_context", "revocation_checked", "server_context", "serving_names"]


def server_context(
    certificate: Certificate,
    *,
    clients_of: Authority | None = None,
    alpn: Iterable[str] = (),
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ssl.SSLContext:
    """Return a server context that presents `certificate`.

    clients_of: an authority that must have signed every client's certificate (mutual TLS)
    alpn: protocols in the server's order of preference (RFC 7301)

    Raises ssl.SSLError if OpenSSL refuses the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = minimum, maximum
    certificate.load_into(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        clients_of.trusted_by(context)
    return context


def client_context(
    *authorities: Authority,
    certificate: Certificate | None = None,
    alpn: Iterable[str] = (),
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ssl.SSLContext:
    """Return a client context that trusts only `authorities`.

    certificate: what it presents to a server that requests one
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
    # As RFC 9525 says, and browsers do; Python does not by default.
    context.hostname_checks_common_name = False
    context.minimum_version, context.maximum_version = minimum, maximum
    for each in authorities:
        each.trusted_by(context)
    if certificate is not None:
        certificate.load_into(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def serving_names(contexts: Mapping[str, ssl.SSLContext]) -> ssl.SSLContext:
    """Return a server context that switches to the context of the name the client asks for (SNI).

    It is the first of `contexts`, which also serves unknown names, and clients that send no name
    (RFC 6066). ValueError for no contexts.
    """
    if not contexts:
        raise ValueError("no name to serve; give a context for at least one")
    first = next(iter(contexts.values()))

    def choose(sock: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        sock.context = contexts.get(name or "", first)

    first.sni_callback = choose
    return first


def revocation_checked(context: ssl.SSLContext, revocation_list: bytes) -> None:
    """Make `context` refuse certificates on a revocation list; OpenSSL checks none by default."""
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    with temporary_file(revocation_list) as file:  # `cadata` takes no revocation lists
        context.load_verify_locations(cafile=file)
