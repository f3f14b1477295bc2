"""What earlier versions made opens, for ever. Each folder beside this file is what `make.py` left then."""

import re
import shutil
from pathlib import Path

import pytest
from support.wsgi_transport import WsgiTransport

from escrow.api.app import create_app
from escrow.client import HttpCourier, Memory, Opened, Session, open_release
from escrow.config import load_settings
from escrow.crypto.identity import Identity
from escrow.model.handover import Introduction, Invitation
from escrow.store.folder import FolderStore

VERSIONS = sorted(path.name for path in Path(__file__).parent.iterdir() if re.fullmatch(r"v\d+", path.name))
SETTLEMENT = "Belmarra pays Northquay 2,350,000 by 1 September. Neither side admits anything.\n"
MEMO = "Northquay and Belmarra have settled their differences and go on working together.\n"


def test_there_are_golden_folders() -> None:
    assert VERSIONS[:1] == ["v1"]


class Then:
    """A copy of a golden folder, and the service over its store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        service = folder / "operator/service"
        (service / "identity").chmod(0o600)
        environ = {
            "ESCROW_PUBLIC_URL": self.invitation.service.url,
            "ESCROW_STORE": str(service / "store"),
            "ESCROW_SERVICE_IDENTITY": str(service / "identity"),
        }
        self.settings = load_settings(environ)
        self.transport = WsgiTransport(create_app(self.settings, FolderStore(self.settings.store)))

    def identity(self, who: str) -> Identity:
        return Identity.load((self.folder / who / ".escrow/identity").read_text())

    def courier(self, who: str | None) -> HttpCourier:
        identity = None if who is None else self.identity(who)
        return HttpCourier(self.settings.public_url, identity, transport=self.transport)

    def session(self, who: str) -> Session:
        return Session(self.identity(who), self.courier(who), Memory(self.folder / who / "home"))

    @property
    def invitation(self) -> Invitation:
        return Invitation.load((self.folder / "northquay/northquay.invitation").read_bytes())

    def open(self, request: str, who: str | None) -> Opened:
        identity = None if who is None else self.identity(who)
        out = self.folder / "opened.txt"
        return open_release(
            self.courier(who), self.invitation.case, request, out, identity=identity, overwrite=True
        )


@pytest.fixture(params=VERSIONS)
def then(request: pytest.FixtureRequest, tmp_path: Path) -> Then:
    shutil.copytree(Path(__file__).parent / request.param, tmp_path / "then")
    return Then(tmp_path / "then")


def test_what_was_released_opens_with_the_reader_s_key_and_with_none(then: Then) -> None:
    requests = then.session("northquay").requests(then.invitation.case)
    texts = [
        then.open(asked.request, None if asked.public else "arbitrator").path.read_text()
        for asked in requests
        if asked.released_at is not None
    ]
    assert texts == [SETTLEMENT, MEMO]


def test_a_seat_s_key_file_alone_reads_its_case_and_can_still_act(then: Then) -> None:
    session = then.session("mediator")
    case = then.invitation.case
    assert [record.label for record in session.records(case)] == [
        "Settlement agreement, signed",
        "Public memo",
    ]
    assert session.case(case).charter.title == "Northquay Logistics and Belmarra Foods, mediation"
    session.note(case, "Still here.")
    assert [note.text for note in session.case(case).notes] == ["Still here."]


def test_every_payload_and_entry_is_still_sound(then: Then) -> None:
    assert then.session("belmarra").audit(then.invitation.case).faults == ()


def test_what_was_handed_over_is_still_read(then: Then) -> None:
    introduction = Introduction.load((then.folder / "arbitrator/introduction.json").read_bytes())
    assert (introduction.case, introduction.path) == (then.invitation.case, "enforcement")
    assert then.invitation.seat == "northquay"
