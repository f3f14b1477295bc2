"""Large payloads over real HTTP into MinIO: by the storage's own addresses, and in one body."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from client.honest import draft
from support.build import party
from support.minio import Minio, Site
from support.refusals import refuses
from support.running import Running, running

from escrow.client import HttpCourier, Memory, PathChoice, Posting, Session
from escrow.client import uploading as uploading_room
from escrow.client.courier import Courier
from escrow.errors import NotFoundError, RefusedError

PART = 5 * 1024 * 1024
DOCUMENT = bytes(range(256)) * (11 * 4096)
SETTLEMENT = (PathChoice(name="settlement"),)


@dataclass
class Place:
    """A service over MinIO, and a case that all have accepted."""

    service: Running
    folder: Path
    case: str
    people: dict[str, Session]

    def sealed(self, name: str) -> tuple[Posting, Path]:
        source, sealed = self.folder / "document", self.folder / f"{name}.sealed"
        source.write_bytes(DOCUMENT)
        return self.people["claimant"].prepare_deposit(
            self.case, source, SETTLEMENT, title="t", label="l", sealed=sealed
        ), sealed

    def routes(self) -> list[str]:
        """What the service was asked by PUT and for addresses, in order."""
        lines = [json.loads(line) for line in self.service.log.read_text().splitlines() if line[:1] == "{"]
        return [
            line["route"].rpartition("/")[2]
            for line in lines
            if "/uploads/" in str(line.get("route"))
            and (line["method"] == "PUT" or "addresses" in line["route"])
        ]

    def payload(self, record: str) -> bytes:
        with self.people["respondent"].courier.payload(self.case, record, start=0) as stream:
            return b"".join(stream.chunks)


@pytest.fixture(params=[True, False], ids=["addresses", "one-body"])
def place(
    request: pytest.FixtureRequest, minio_server: Minio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    monkeypatch.setattr(uploading_room, "PART_BYTES", PART)
    site = Site(minio_server, tmp_path / "site")
    settings = site.settings("service")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    if request.param:
        settings = replace(settings, public_endpoint=settings.endpoint)
    with running(tmp_path, settings, public_url=url, bind=f"127.0.0.1:{port}", threads=8) as service:
        people = {}
        for name in ("institution", "claimant", "respondent", "mediator"):
            identity = party(name)
            people[name] = Session(identity, HttpCourier(url, identity), Memory(tmp_path / "homes" / name))
        case = people["institution"].open_case(draft()).case
        for seat, invitation in people["institution"].invitations(case).items():
            people[seat].join(invitation)
            people[seat].accept(case, invitation.proposal)
        yield Place(service, tmp_path, case, people)


only_addresses = pytest.mark.parametrize("place", [True], indirect=True)
only_one_body = pytest.mark.parametrize("place", [False], indirect=True)


def record_of(posting: Posting) -> Any:
    body = posting.sealed_record()
    assert body is not None
    return body


def test_large_payload_is_deposited_by_the_best_way(place: Place) -> None:
    posting, sealed = place.sealed("a")
    claimant = place.people["claimant"]
    claimant.upload(posting, sealed)
    claimant.send(posting)
    assert place.payload(record_of(posting).record) == sealed.read_bytes()
    way = "addresses" if "addresses" in claimant.courier.service().uploads else "payload"
    assert place.routes() == ["<id16:upload>", way]
    assert "X-Amz" not in place.service.log.read_text()
    place.people["respondent"].audit(place.case, payloads=True)


@only_addresses
def test_other_bytes_sent_to_an_address_are_found_when_read_back(place: Place) -> None:
    posting, sealed = place.sealed("a")
    body, claimant = record_of(posting), place.people["claimant"]
    length = body.payload.length
    claimant.courier.begin_upload(place.case, body.payload.upload, length=length, part_size=PART)
    found = claimant.courier.addresses(place.case, body.payload.upload, after=0)
    raw = sealed.read_bytes()
    for number, url in found.urls.items():
        data = raw[(number - 1) * PART : number * PART]
        assert requests.put(url, data=b"x" + data[1:], timeout=30).status_code == 200
    with refuses(RefusedError, "payload_differs", field="sha256"):
        claimant.send(posting)
    assert place.people["respondent"].records(place.case) == ()


@only_addresses
def test_addresses_are_the_owners_only_and_end_with_the_upload(place: Place) -> None:
    posting, sealed = place.sealed("a")
    upload = record_of(posting).payload.upload
    claimant = place.people["claimant"]
    claimant.upload(posting, sealed)
    with refuses(NotFoundError, "not_found"):
        place.people["respondent"].courier.addresses(place.case, upload, after=0)
    found = claimant.courier.addresses(place.case, upload, after=1)
    assert sorted(found.urls) == list(range(2, -(-record_of(posting).payload.length // PART) + 1))
    assert all("X-Amz-Expires=900" in url for url in found.urls.values())
    claimant.send(posting)
    with refuses(RefusedError, "upload_completed"):
        claimant.courier.addresses(place.case, upload, after=0)


@only_addresses
def test_upload_to_storage_goes_on_with_the_missing_parts_only(place: Place) -> None:
    posting, sealed = place.sealed("a")
    body, claimant = record_of(posting), place.people["claimant"]
    length = body.payload.length
    claimant.courier.begin_upload(place.case, body.payload.upload, length=length, part_size=PART)
    url = claimant.courier.addresses(place.case, body.payload.upload, after=0).urls[2]
    assert requests.put(url, data=sealed.read_bytes()[PART : 2 * PART], timeout=30).status_code == 200
    sent = counted(claimant.courier)
    claimant.upload(posting, sealed)
    assert (len(sent), url.partition("?")[0] in sent[0]) == (-(-length // PART) - 1, True)
    claimant.send(posting)
    assert place.payload(body.record) == sealed.read_bytes()


def counted(courier: Courier) -> list[str]:
    """The addresses that are written to from now on."""
    sent: list[str] = []
    true_put = courier.put_to_address

    def put(url: str, data: bytes) -> None:
        sent.append(url)
        true_put(url, data)

    courier.put_to_address = put  # type: ignore[method-assign]
    return sent


@only_one_body
def test_one_body_that_broke_off_goes_on_with_the_missing_parts_only(place: Place) -> None:
    posting, sealed = place.sealed("a")
    body, claimant = record_of(posting), place.people["claimant"]
    upload, length = body.payload.upload, body.payload.length
    claimant.courier.begin_upload(place.case, upload, length=length, part_size=PART)
    assert isinstance(claimant.courier, HttpCourier)
    token = claimant.courier._fresh_token(party("claimant"))
    head = (
        f"PUT /v1/cases/{place.case}/uploads/{upload}/payload HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\n"
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.service.port), timeout=30) as peer:
        peer.sendall(head.encode() + sealed.read_bytes()[: PART + 1000])
        peer.shutdown(socket.SHUT_WR)
        assert b"part_cut_short" in read_all(peer)
    claimant.upload(posting, sealed)
    claimant.send(posting)
    parts = [route for route in place.routes() if re.fullmatch("<part:number>", route)]
    assert len(parts) == -(-length // PART) - 1
    assert place.payload(body.record) == sealed.read_bytes()


def read_all(peer: socket.socket) -> bytes:
    found = b""
    while chunk := peer.recv(65536):
        found += chunk
    return found
