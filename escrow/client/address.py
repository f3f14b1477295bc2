"""Addresses that this client is willing to speak to: https anywhere, plain http on this machine only.

Everything that counts is signed or encrypted end to end; TLS keeps tokens, sizes and who talks to whom from
the wire.
"""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from escrow.errors import MalformedError, SetupError


def require_safe_url(url: str) -> str:
    """The service's URL without slashes at its end.

    SetupError `plain_http_refused` (url); MalformedError `service_url_malformed`.
    """
    bare = url.rstrip("/")
    parts = _split(bare)
    if parts is None or parts.query:
        raise MalformedError("service_url_malformed", field="url")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise SetupError("plain_http_refused", url=bare)
    return bare


def require_safe_part_address(url: str, service: str) -> str:
    """An address that a service has named for a part, as it is: https, and not on this machine.

    On this machine only where the service is too: else a service could have this client write to whatever
    listens here. MalformedError `address_unsafe`; the address itself is a key, and is not shown.
    """
    parts = _split(url)
    if parts is not None:
        local = is_loopback(parts.hostname or "")
        if is_loopback(urlsplit(service).hostname or "") if local else parts.scheme == "https":
            return url
    raise MalformedError("address_unsafe", field="answer.addresses")


def _split(url: str) -> SplitResult | None:
    """The parts of an http(s) URL in printable ASCII, without a user's name and a fragment; else None."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    strange = parts.fragment or parts.username is not None or not url.isprintable() or " " in url
    if parts.scheme not in ("http", "https") or not parts.hostname or strange:
        return None
    return parts


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
