"""The services that a party knows: for each address the card seen first, and those it was told of since.

    services/<sha256 of URL>                   a service's URL and the card pinned first
    services/<sha256 of URL>-<fingerprint>     a later card, which the service's people told this party

A card is never dropped: cases that were opened under it verify for ever.
"""

import hashlib
from pathlib import Path

from escrow.client.address import require_safe_url
from escrow.client.home import Home
from escrow.crypto.card import Card
from escrow.errors import EscrowError, ForgedError
from escrow.model.charter import MAX_URL, Service
from escrow.model.path import MAX_CARD_TEXT
from escrow.model.wire import Fields, decode_json, encode_json


class Pins:
    """See above; the part of a memory that is about services."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._files = Home(home)

    def pin_service(self, service: Service, *, asked: str) -> Service:
        """Pin this card for this URL, or insist that it is one of those pinned before.

        `asked` is the URL that the courier speaks to. ForgedError `service_url_differs` (a service that calls
        itself otherwise would get tokens meant for another), `service_card_differs` (expected, found).
        """
        require_url(service, asked)
        self._files.create(self._service(service.url), _emit(service))
        self._require_pinned(service)
        return service

    def trust_service(self, service: Service, *, asked: str) -> Service:
        """Pin this card beside those known for this URL: the service's people said that it is theirs."""
        require_url(service, asked)
        self._files.create(self._service(service.url), _emit(service))
        if not self.is_pinned(service):
            first = self._service(service.url)
            self._files.create(first.with_name(f"{first.name}-{service.card.fingerprint}"), _emit(service))
        return service

    def may_pin(self, service: Service) -> bool:
        """Whether `pin_service` takes this card: it is pinned for its URL, or none is."""
        return not self.pinned(service.url) or self.is_pinned(service)

    def is_pinned(self, service: Service) -> bool:
        return service in self.pinned(service.url)

    def pinned(self, url: str) -> list[Service]:
        """All that is pinned for this URL: the first card, then the later ones."""
        first = self._service(url)
        names = [name for name in self._files.names(first.parent) if name.startswith(f"{first.name}-")]
        raws = [self._files.read(first.with_name(name)) for name in (first.name, *sorted(names))]
        return [_read(raw) for raw in raws if raw is not None]

    def services(self) -> tuple[Service, ...]:
        """Every service that was spoken to, by its first card. A file that cannot be read hides no other."""
        found: list[Service] = []
        for name in self._files.names(self.home / "services"):
            try:
                service = _read(self._files.read(self.home / "services" / name) or b"")
                require_safe_url(service.url)
            except EscrowError:
                continue
            if self._service(service.url).name == name:
                found.append(service)
        return tuple(found)

    def _require_pinned(self, service: Service) -> None:
        pinned = self.pinned(service.url)
        if service not in pinned:
            raise ForgedError(
                "service_card_differs",
                expected=pinned[0].card.fingerprint,
                found=service.card.fingerprint,
                url=service.url,
            )

    def _service(self, url: str) -> Path:
        return self.home / "services" / hashlib.sha256(url.encode()).hexdigest()


def require_url(service: Service, asked: str) -> None:
    """ForgedError `service_url_differs`."""
    if service.url != asked:
        raise ForgedError("service_url_differs", expected=asked, found=service.url)


def _emit(service: Service) -> bytes:
    return encode_json({"url": service.url, "card": str(service.card)})


def _read(raw: bytes) -> Service:
    fields = Fields(decode_json(raw, limit=2 * MAX_URL, field="services"), at="services")
    card = Card.parse(fields.text("card", limit=MAX_CARD_TEXT))
    url = fields.text("url", limit=MAX_URL)
    fields.done()
    return Service(url=url, card=card)
