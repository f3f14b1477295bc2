"""Deliverers of webhooks over an office's storage, and what their tests say again and again."""

import json
from datetime import timedelta
from typing import Any

from support import build
from support.office import Office
from support.receiver import Receiver

from escrow.crypto.identity import Identity
from escrow.ledger.keys import ServiceKeys
from escrow.store.folder import FolderStore
from escrow.store.interface import Store
from escrow.store.journal import Journal
from escrow.webhooks.address import Networks
from escrow.webhooks.delivering import TURN_S, Clock, Deliverer
from escrow.webhooks.finding import Finder
from escrow.webhooks.sending import Send, Sender

CONVENOR, CLAIMANT = build.CONVENOR, build.SEATS["claimant"]
ONE, TWO = "1" * 32, "2" * 32


class Told:
    """What a deliverer's log holds."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, facts: dict[str, object]) -> None:
        self.lines.append((event, facts))

    def outcomes(self) -> list[object]:
        return [facts["outcome"] for event, facts in self.lines if event in ("delivered", "failed")]


def sender(office: Office, *, whole_s: float = 20.0) -> Sender:
    settings = office.settings
    return Sender(Networks.of(settings.webhook_networks), ca_file=settings.webhook_ca_file, whole_s=whole_s)


def deliverer(
    office: Office,
    *,
    send: Send | None = None,
    store: Store | None = None,
    told: Told | None = None,
    keys: ServiceKeys | None = None,
    turn_s: float = TURN_S,
    storage: Clock | None = None,
) -> Deliverer:
    """Another process, with nothing but the storage, the identity and the settings. `storage`: its clock."""
    store = store or FolderStore(office.folder / "store")
    told = told or Told()
    keys = keys or ServiceKeys(build.SERVICE)
    journal = Journal(store, keys, office.clock, later=lambda work: None)
    finder = Finder(store, journal, lambda case, error: told("case_damaged", {"case": case}))
    return Deliverer(
        store,
        keys,
        finder,
        send or sender(office),
        office.clock,
        told,
        turn_s=turn_s,
        storage_clock=storage or office.clock,
    )


def add(office: Office, who: Identity, url: str, hook: str = ONE) -> dict[str, Any]:
    put = office.client.put(f"/v1/hooks/{hook}", json={"url": url}, headers=office.bearer(who))
    assert put.status_code in (200, 201), put.get_json()
    found: dict[str, Any] = put.get_json()
    return found


def hooks(office: Office, who: Identity) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office.get("/v1/hooks", who).get_json()["hooks"]
    return found


def later(office: Office, **time: float) -> None:
    office.clock.now += timedelta(**time)


def noted(office: Office, receiver: Receiver) -> build.Case:
    """A case of the claimant's with one entry since its hook was added."""
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    case.note()
    return case


def numbers(receiver: Receiver) -> list[int]:
    return sorted(json.loads(one.body)["data"]["n"] for one in receiver.got)
