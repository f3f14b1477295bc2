"""The key of a service that runs is changed, forgotten and lost: two real services, parties, the commands.

One case lives through all of it, opened under the first key, moved by its seats to the second and the third.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import build
from support.circle import SEATS, Circle
from support.minio import Site
from support.running import Running, running

from escrow.cli import endings
from escrow.client import PathChoice, make_ticket
from escrow.crypto.card import Card
from escrow.errors import UnavailableError
from escrow.store.canary import require_same_service
from escrow.store.s3 import S3Store

pytestmark = pytest.mark.timeout(300)


def escrow(*args: str) -> str:
    """What the command prints. It ends well, or the test ends here."""
    done = subprocess.run(
        [sys.executable, "-m", "escrow.cli", *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refused(*args: str) -> str:
    """The code of what the command does not do because of a setting here."""
    done = subprocess.run(
        [sys.executable, "-m", "escrow.cli", "--json", *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == endings.SETUP, done.stderr
    code: str = json.loads(done.stderr)["error"]["code"]
    return code


def cases_by_key(folder: Path) -> dict[str, int]:
    found = json.loads(escrow("--json", "service", "keys", str(folder)))
    assert found["unread"] == 0
    return {row["key"]: row["cases"] for row in found["keys"]}


def restart(service: Running) -> None:
    service.stop()
    service.start()


def move(circle: Circle, card: Card) -> None:
    """A seat proposes, and every seat says yes."""
    proposal = circle.sessions["claimant"].move(circle.case, card).statement
    for seat in SEATS:
        circle.keep(circle.sessions[seat].accept(circle.case, proposal))


def test_key_is_changed_forgotten_and_lost_and_the_case_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "service"
    first = Card.parse(escrow("service", "init", str(home), "--url", build.URL))
    settings = {"store": home / "store", "service_identity": home / "identity"}
    with running(tmp_path, name="a", **settings) as a, running(tmp_path, name="b", **settings) as b:
        circle = Circle(tmp_path, a, b, pause_s=0.05)
        party = circle.sessions["claimant"]
        party.deposit(
            circle.case, circle.document, [PathChoice(name="settlement")], title="Terms", label="Terms"
        )
        (record,) = (one.record for one in party.records(circle.case))
        ticket = make_ticket(circle.reader, party.introduce(circle.case, record, "settlement"))
        request = party.request(circle.case, record, "settlement", [ticket]).statement
        party.sign_off(circle.case, request)

        second = Card.parse(escrow("service", "new-key", str(home)))
        restart(a)
        circle.keep(circle.sessions["mediator"].note(circle.case, "one has the new key, one not yet"))
        circle.keep(circle.sessions["mediator"].note(circle.case, "and the other of them"))
        b.stop()
        circle.services = (a,)
        assert cases_by_key(home) == {"current": 0, "former": 1}
        move(circle, second)
        circle.sessions["respondent"].sign_off(circle.case, request)
        assert circle.opens(request)

        assert cases_by_key(home) == {"current": 1, "former": 0}
        (former,) = (home / "former").iterdir()
        former.rename(tmp_path / "forgotten")
        restart(a)
        circle.keep(circle.sessions["mediator"].note(circle.case, "without the former key"))
        assert circle.opens(request)

        (home / "identity").unlink()
        third = Card.parse(escrow("service", "new-key", str(home), "--lost", str(second)))
        restart(a)
        with pytest.raises(UnavailableError, match="service_key_not_held"):
            circle.sessions["mediator"].note(circle.case, "whose key is lost")
        move(circle, third)
        circle.keep(circle.sessions["mediator"].note(circle.case, "under the third key"))
        assert circle.opens(request)
    state = circle.sessions["mediator"].remembered(circle.case).state
    assert [card for _, card in state.signed] == [first, second, third]
    escrow("audit", str(home / "store"))


def test_credential_that_may_not_note_a_card_is_named_and_no_key_made(site: Site, tmp_path: Path) -> None:
    home, right = tmp_path / "service", site.settings("service")
    where = ["--s3-endpoint", right.endpoint, "--s3-buckets", right.buckets]
    first = escrow("service", "init", str(home), *where, "--s3-credentials", str(right.credentials))
    store = S3Store(right)
    require_same_service(store, Card.parse(first).fingerprint)
    store.close()
    key = (home / "identity").read_bytes()
    assert refused("service", "new-key", str(home)) == "store_access_denied"
    assert (home / "identity").read_bytes() == key
    escrow("service", "new-key", str(home), "--credentials", str(site.settings("restore").credentials))
