"""Which addresses a webhook never reaches, however they are spelt and whatever a name server says."""

from ipaddress import ip_address

import pytest

from escrow.errors import MalformedError
from escrow.model.webhook import Target
from escrow.webhooks.address import AddressRefusedError, Networks, checked, system_resolver

PUBLIC = "93.184.216.34"
INNER = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:5db8:d822::", "2001:0:5db8:d822::1", "3fff::1", "100::1",
    "4000::1",
]  # fmt: skip


def reach(
    *addresses: str, url: str = "https://hooks.example/x", allowed: tuple[str, ...] = ()
) -> tuple[str, ...]:
    return checked(Target.parse(url), Networks.of(allowed), lambda host, port: addresses)


def refused(*addresses: str, **more: object) -> str:
    with pytest.raises(AddressRefusedError) as caught:
        reach(*addresses, **more)  # type: ignore[arg-type]
    return caught.value.reason


@pytest.mark.parametrize("address", INNER)
def test_address_that_is_not_public_is_refused(address: str) -> None:
    assert refused(address) == "address_refused"


@pytest.mark.parametrize("address", INNER)
def test_name_that_leads_inside_and_outside_at_once_is_refused(address: str) -> None:
    assert refused(PUBLIC, address) == "address_refused"


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"]
)
def test_public_address_is_reached(address: str) -> None:
    assert [ip_address(one) for one in reach(address)] == [ip_address(address)]


def test_name_that_nobody_knows_or_that_has_no_end_of_addresses_is_refused() -> None:
    assert refused() == "name_unknown"
    assert refused(*(f"93.184.216.{n}" for n in range(17))) == "name_unknown"
    assert refused("no address") == "name_unknown"


def test_public_address_at_another_port_is_refused() -> None:
    assert refused(PUBLIC, url="https://hooks.example:8443/") == "port_refused"


def test_network_that_the_operator_named_is_reached_at_any_port_and_its_neighbour_is_not() -> None:
    inside = {"url": "https://hooks.example:8443/", "allowed": ("10.1.0.0/16",)}
    assert reach("10.1.2.3", **inside) == ("10.1.2.3",)  # type: ignore[arg-type]
    assert reach("::ffff:10.1.2.3", **inside)  # type: ignore[arg-type]
    assert refused("10.2.0.1", **inside) == "address_refused"
    assert refused("10.1.2.3", "127.0.0.1", **inside) == "address_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "https://user@hooks.example/", "https://user:word@hooks.example/",
        "https://hooks.example/#x", "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/",
        "https://0x7f.1/", "https://127.1/", "https://017700000001/", "https://[::1]/", "https://hooks.example.0x7f/",
        "https://hooks.example:0/", "https://hooks.example:65536/", "https://hooks.example:/", "https:///x",
        "https://hooks.example\\@127.0.0.1/", "https://hooks..example/", "https://-hooks.example/",
        "https://hooks.example/ x", "https://hooks.example/\n", "https://hooks.example/\r\nHost: x",
        "https://hökks.example/", "https://hooks.example./", "HTTPS://hooks.example/", "https://" + "a" * 500,
        "//hooks.example/", "hooks.example", "",
    ],
)  # fmt: skip
def test_url_that_could_mean_something_else_is_refused(url: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Target.parse(url)
    assert caught.value.code == "hook_url_malformed"


@pytest.mark.parametrize("form", ["2130706433", "0x7f000001", "127.1", "017700000001"])
def test_other_spellings_of_an_address_would_be_refused_at_delivery_too(form: str) -> None:
    target = Target(host=form, port=443, path="/")
    with pytest.raises(AddressRefusedError) as caught:
        checked(target, Networks(), system_resolver)
    assert caught.value.reason == "address_refused"
