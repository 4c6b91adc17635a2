"""Contexts of the standard library, set up for lessons: what a server shows, whom a client trusts.

They are plain `ssl.SSLContext`s, made in the same few lines as a program would have them.
"""

import ssl
from collections.abc import Iterable, Mapping

from sockets_lab.tls.certificates import Authority, Certificate
from sockets_lab.tls.files import in_a_file

__all__ = ["client_context", "revocation_checked", "server_context", "serving_names"]


def server_context(
    certificate: Certificate,
    *,
    clients_of: Authority | None = None,
    alpn: Iterable[str] = (),
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ssl.SSLContext:
    """A server's context that shows `certificate`.

    clients_of: an authority whose certificate every client must show (mutual TLS)
    alpn: protocols in the server's order of preference (RFC 7301)

    Raises ssl.SSLError where OpenSSL refuses the certificate.
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
    """A client's context that trusts `authorities`, and nobody else.

    certificate: what it shows to a server that asks for one
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
    context.hostname_checks_common_name = False  # as RFC 9525 has it, and browsers; Python does not
    context.minimum_version, context.maximum_version = minimum, maximum
    for each in authorities:
        each.trusted_by(context)
    if certificate is not None:
        certificate.load_into(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def serving_names(contexts: Mapping[str, ssl.SSLContext]) -> ssl.SSLContext:
    """A server's context that takes the one of `contexts` whose name the client asks for.

    It is the first of them, which answers also for names that are none of them, and for clients
    that name nobody (SNI, RFC 6066). ValueError for no contexts.
    """
    if not contexts:
        raise ValueError("no name to serve: give a context for at least one")
    first = next(iter(contexts.values()))

    def choose(sock: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        sock.context = contexts.get(name or "", first)

    first.sni_callback = choose
    return first


def revocation_checked(context: ssl.SSLContext, revocation_list: bytes) -> None:
    """Let `context` refuse what stands on a revocation list, as OpenSSL does only if it is told."""
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    with in_a_file(revocation_list) as file:  # `cadata` takes no lists
        context.load_verify_locations(cafile=file)
