"""Put a deliverer together from a service's settings. It writes nothing at its start, and asks no right
twice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from escrow.config import Settings
from escrow.errors import EscrowError, SetupError
from escrow.model.ids import CaseId
from escrow.service.identity import load_service_keys
from escrow.store.canary import is_noted, owner
from escrow.store.clocks import require_clock
from escrow.store.journal import Journal
from escrow.store.opening import open_archive
from escrow.webhooks.address import Networks, Resolver, system_resolver
from escrow.webhooks.delivering import Deliverer, Tell
from escrow.webhooks.finding import Finder
from escrow.webhooks.sending import Sender


@contextmanager
def deliverer(
    settings: Settings, clock: Callable[[], datetime], tell: Tell, *, resolve: Resolver = system_resolver
) -> Iterator[Deliverer]:
    """SetupError `service_identity_*`, `clocks_differ` (seconds), `ca_file_unusable`."""
    keys = load_service_keys(settings.service_identity)
    networks = Networks.of(settings.webhook_networks)
    send = Sender(networks, ca_file=settings.webhook_ca_file, resolve=resolve)

    def trouble(case: CaseId, error: EscrowError) -> None:
        tell("case_damaged", {"case": case, "code": error.code})

    with open_archive(settings.store) as archive:
        require_clock(archive.sweeper.now(), clock())
        first, mine = owner(archive.store), keys.current.card.fingerprint
        if first is not None and not is_noted(archive.store, mine):
            raise SetupError("service_identity_of_another_store", expected=first, found=mine)
        journal = Journal(
            archive.store, keys, clock, max_cases=settings.cached_cases, max_bytes=settings.cached_bytes,
            later=lambda work: None,
        )  # fmt: skip
        finder = Finder(archive.store, journal, trouble)
        yield Deliverer(
            archive.store, keys, finder, send, clock, tell, storage_clock=archive.sweeper.now
        )  # fmt: skip
