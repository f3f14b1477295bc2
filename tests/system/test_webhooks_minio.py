"""Webhooks over MinIO, each act by the credential that is for it and no other."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support import build
from support.minio import Site
from support.office import Office
from support.receiver import Receiver, receiving

from escrow.admin.old_messages import old_messages
from escrow.errors import UnavailableError
from escrow.ledger.keys import ServiceKeys
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.journal import Journal
from escrow.store.opening import open_archive
from escrow.store.s3 import S3Store
from escrow.webhooks.address import Networks
from escrow.webhooks.delivering import Deliverer
from escrow.webhooks.finding import Finder
from escrow.webhooks.sending import Sender

HOOK = "1" * 32


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "receiver") as found:
        yield found


def test_each_role_does_its_part_and_no_more(site: Site, receiver: Receiver, tmp_path: Path) -> None:
    claimant = build.SEATS["claimant"]
    service, own = S3Store(site.settings("service")), S3Store(site.settings("webhooks"))
    office = Office(tmp_path, store=service, hooks_per_card=1, webhook_networks=("127.0.0.0/8",))
    case = office.accepted()
    put = office.client.put(f"/v1/hooks/{HOOK}", json={"url": receiver.url}, headers=office.bearer(claimant))
    assert put.status_code == 201
    case.note()
    keys = ServiceKeys(build.SERVICE)
    journal = Journal(own, keys, office.clock, later=lambda work: None)
    send = Sender(Networks.of(("127.0.0.0/8",)), ca_file=receiver.authority)
    finder = Finder(own, journal, lambda case, error: None)
    running = Deliverer(
        own, keys, finder, send, office.clock, lambda event, facts: None, storage_clock=office.clock
    )
    assert running.round().delivered == case.state.head.n + 1
    assert office.get("/v1/hooks", claimant).get_json()["hooks"][0]["waiting"] == 0
    owner = claimant.card.fingerprint
    for bucket, name in (
        (Bucket.RECORDS, names.hook_opened(owner, "2" * 32)),
        (Bucket.RECORDS, names.change(1, case.id)),
        (Bucket.LEDGER, names.entry(case.id, 99)),
        (Bucket.PUBLIC, names.RELEASES_CANARY),
    ):
        with pytest.raises(UnavailableError) as caught:
            own.create(bucket, name, b"x")
        assert caught.value.fields["reason"] == "access_denied"
    with open_archive(site.settings("sweep")) as archive:
        now = archive.sweeper.now
        for name in list(old_messages(archive, clock=now, kept=-timedelta(days=400))):
            archive.sweeper.discard(name)
        assert archive.store.names(Bucket.RECORDS, names.OUTBOX) == []
        assert archive.store.names(Bucket.RECORDS, names.HOOKS) == [names.hook_opened(owner, HOOK)]
    service.close()
    own.close()
