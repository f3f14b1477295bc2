"""Addresses that this client is willing to speak to: https anywhere, plain http on this machine only.

Everything that counts is signed or encrypted end to end; TLS keeps tokens, sizes and who talks to whom from
the wire.
"""

import ipaddress
from urllib.parse import urlsplit

from escrow.errors import MalformedError, SetupError


def require_safe_url(url: str) -> str:
    """The service's URL without slashes at its end.

    SetupError `plain_http_refused` (url); MalformedError `service_url_malformed`.
    """
    bare = url.rstrip("/")
    try:
        parts = urlsplit(bare)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise MalformedError("service_url_malformed", field="url") from error
    strange = (
        parts.query or parts.fragment or parts.username is not None or not bare.isprintable() or " " in bare
    )
    if parts.scheme not in ("http", "https") or not host or strange:
        raise MalformedError("service_url_malformed", field="url")
    if parts.scheme == "http" and not _is_loopback(host):
        raise SetupError("plain_http_refused", url=bare)
    return bare


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
