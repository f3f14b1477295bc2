"""Addresses that this client is willing to speak to: https anywhere, plain http on this machine only.

Everything that counts is signed or encrypted end to end; TLS keeps tokens, sizes and who talks to whom from
the wire.
"""

import ipaddress
import socket
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
        here = _is_here(parts.hostname or "")
        if is_loopback(urlsplit(service).hostname or "") if here else parts.scheme == "https":
            return url
    raise MalformedError("address_unsafe", field="answer.addresses")


def require_elsewhere(peer: str, service: str) -> None:
    """`peer`: the IP address to which the name in an address of a part has led.

    Only a service that is on this machine itself, by its own name too, may lead to it. MalformedError
    `address_unsafe`.
    """
    if _is_here(peer) and not _leads_here(urlsplit(service).hostname or ""):
        raise MalformedError("address_unsafe", field="answer.addresses")


def _split(url: str) -> SplitResult | None:
    """The parts of an http(s) URL in printable ASCII, without a user's name and a fragment; else None."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    text = url.isascii() and url.isprintable() and not set(url) & {" ", "\\"}  # read alike by every library
    strange = parts.fragment or parts.username is not None or not text
    if parts.scheme not in ("http", "https") or not parts.hostname or strange:
        return None
    return parts


def is_loopback(host: str) -> bool:
    """This machine, by the name or an address that every system takes for it: plain http may go there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    """This machine by any spelling that a system takes for its address, such as 127.1, 0x7f000001 or 0; or by
    the names that mean it everywhere (RFC 6761 section 6.3).
    """
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(name))
        except OSError:
            return False
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback or address.is_unspecified


def _leads_here(host: str) -> bool:
    """Whether the system's resolver takes this name for this machine."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_is_here(str(address[0])) for *_, address in found)
