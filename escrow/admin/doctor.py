"""Look at a service's settings, key, storage, machine and door, before it starts or while it runs.

Every question is asked, also after a fault; a finding is `ok`, `note` (cannot be told from here), `warning`
or `fault` (it will not start, or not serve everybody, or not keep what it promises). Nothing is written that
a start of the service would not write too. What is asked of each area stands in the file of that area.
"""

from collections.abc import Iterator, Mapping

from escrow.admin.doctor_door import look_at_door
from escrow.admin.doctor_machine import look_at_machine
from escrow.admin.doctor_store import look_at_store
from escrow.admin.doctor_webhooks import look_at_webhooks
from escrow.admin.finding import Finding, fault, guarded, ok
from escrow.config import Settings, load_settings
from escrow.crypto.card import Card
from escrow.errors import EscrowError
from escrow.service.desk import convenors
from escrow.service.identity import load_service_keys


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """All areas in order, as the settings of this environment say. Raises nothing of ours."""
    try:
        settings = load_settings(environ)
        listed = convenors(settings.convenors)
    except EscrowError as error:
        yield fault("settings", error)
        return
    file = environ.get("ESCROW_CONFIG")
    who = "anybody opens cases" if listed is None else f"{len(listed)} cards may open cases"
    yield ok("settings", f"{file or 'the environment'}: {who}")
    card: Card | None = None
    try:
        keys = load_service_keys(settings.service_identity)
        card = keys.current.card
        yield ok("identity", f"{settings.service_identity}, for its owner only; fingerprint {card.groups}")
        for one in keys.former:
            yield ok("identity", f"a former key beside it, for cases that are under it; {one.card.groups}")
    except EscrowError as error:
        yield fault("identity", error)
    yield from _rest(settings, card, environ.get("REQUESTS_CA_BUNDLE"))


def _rest(settings: Settings, card: Card | None, ca_bundle: str | None) -> Iterator[Finding]:
    yield from guarded("storage", look_at_store(settings, card))
    yield from guarded("webhooks", look_at_webhooks(settings))
    yield from guarded("machine", look_at_machine(settings))
    yield from guarded("address", look_at_door(settings, card, ca_bundle))
