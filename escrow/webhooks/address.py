"""Which addresses a webhook may be sent to. Rules (numbered as in README.md):

A1  A name is resolved once for each try, every address of the answer is checked, and one that is refused
    refuses them all: a name that leads inside and outside at once is a trick.
A2  An IPv4 address must be public. Loopback, private, link-local (where clouds keep their metadata), shared
    (CGNAT), multicast, reserved and documentation addresses are not.
A3  An IPv6 address must be global unicast (2000::/3) and no tunnel's; one that carries an IPv4 address
    (mapped, compatible, NAT64) is as good as that one.
A4  What lies in a network that the operator named (`webhook_networks`) may be sent to, at any port; all else
    at port 443 only.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from escrow.model.webhook import HTTPS, Target

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
MAX_ADDRESSES: Final = 16
"""A name with more is no receiver of webhooks."""

_GLOBAL: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
_NEVER: Final[tuple[Network, ...]] = tuple(
    ip_network(one)
    for one in (
        "168.63.129.16/32",  # a public address by which Azure's machines reach their host
        "192.0.0.0/24",  # protocol assignments (RFC 6890); Python's opinion of some of them has changed
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "2001::/23",  # Teredo and other assignments of protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address to a relay of somebody's
        "3fff::/20",
    )
)


class AddressRefusedError(Exception):
    """`reason` is a word for the log; nothing of the address is in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Networks:
    """A4: those that the operator named."""

    named: tuple[Network, ...] = ()

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Networks":
        return cls(tuple(ip_network(text) for text in texts))

    def __contains__(self, address: Address) -> bool:
        return any(address.version == one.version and address in one for one in self.named)


def system_resolver(host: str, port: int) -> list[str]:
    """OSError where there is no answer."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def checked(target: Target, networks: Networks, resolve: Resolver) -> tuple[str, ...]:
    """A1: the addresses to connect to, and to no others. AddressRefusedError `name_unknown`,
    `address_refused`, `port_refused`.
    """
    try:
        found = resolve(target.host, target.port)
        addresses = [ip_address(text.partition("%")[0]) for text in found]
    except (OSError, ValueError):  # ValueError: UnicodeError too, of a label that no DNS can hold
        raise AddressRefusedError("name_unknown") from None
    if not 0 < len(addresses) <= MAX_ADDRESSES:
        raise AddressRefusedError("name_unknown")
    for one in addresses:
        inner = _inner(one)
        if one in networks or inner in networks:
            continue
        if not _is_public(inner) or any(one in never for never in _NEVER if never.version == one.version):
            raise AddressRefusedError("address_refused")
        if target.port != HTTPS:
            raise AddressRefusedError("port_refused")
    return tuple(str(one) for one in addresses)


def _inner(address: Address) -> Address:
    """A3: the IPv4 address that an IPv6 one carries, if its packets go there."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    """A2, A3."""
    if any(address in never for never in _NEVER if never.version == address.version):
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )
