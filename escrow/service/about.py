"""What the service says of itself to anybody who asks.

Enough to pin it in a charter and to keep within its limits.
"""

from dataclasses import dataclass
from datetime import datetime

import escrow
from escrow.crypto.webhook_key import public_key
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.service.desk import Desk
from escrow.service.uploads import offers_addresses

UPLOAD_WAYS = ("parts", "payload", "addresses")
"""Numbered parts; the whole payload in one body; parts sent to the storage's own addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsView:
    """Sizes in bytes."""

    statement: int
    attachment: int
    upload: int
    drop_off: int
    part_size: int
    entries_per_case: int
    records_per_case: int
    hooks_per_card: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """`convenors`: `open` (anybody opens cases) or `listed`.

    `uploads`: the ways by which a payload may come, as `UPLOAD_WAYS` names them. `webhook_key`: by
    which receivers check webhooks, `whpk_...`.
    """

    card: str
    fingerprint: str
    url: str
    time: datetime
    version: str
    limits: LimitsView
    convenors: str
    uploads: tuple[str, ...]
    webhook_key: str


def describe(desk: Desk) -> ServiceView:
    settings = desk.settings
    return ServiceView(
        card=str(desk.card),
        fingerprint=desk.card.fingerprint,
        url=settings.public_url,
        time=desk.clock(),
        version=escrow.__version__,
        limits=LimitsView(
            statement=settings.statement_bytes,
            attachment=MAX_SHARE_OBJECT,
            upload=settings.upload_bytes,
            drop_off=settings.drop_off_bytes,
            part_size=settings.part_bytes,
            entries_per_case=settings.entries_per_case,
            records_per_case=settings.records_per_case,
            hooks_per_card=settings.hooks_per_card,
        ),
        convenors="open" if desk.convenors is None else "listed",
        uploads=UPLOAD_WAYS if offers_addresses(settings) else UPLOAD_WAYS[:2],
        webhook_key=public_key(desk.keys.current),
    )
