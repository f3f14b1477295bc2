"""By which way a payload goes up: lines that break, files that change, and services that lie about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from client.honest import LyingCourier, World, courier_of
from support.refusals import refuses

from escrow.client import PathChoice, PendingDeposit, Posting, Session, Stage
from escrow.client import uploading as uploading_room
from escrow.client.courier import Addresses, Part, Upload
from escrow.errors import EscrowError, MalformedError, RefusedError, SetupError, UnavailableError

SETTLEMENT = (PathChoice(name="settlement"),)
PART = 1000
ONE_BODY, STORAGE = ("parts", "payload"), ("parts", "payload", "addresses")


@dataclass
class Sealed:
    """A deposit of several parts that waits to be sent."""

    world: World
    claimant: Session
    posting: Posting
    path: Path

    @property
    def courier(self) -> LyingCourier:
        return courier_of(self.claimant)

    @property
    def count(self) -> int:
        return -(-self.path.stat().st_size // PART)

    @property
    def parts(self) -> dict[int, bytes]:
        body = self.posting.sealed_record()
        assert body is not None
        return self.world.service.uploads[body.payload.upload][2]

    def upload(self, **named: Any) -> None:
        self.claimant.upload(self.posting, self.path, **named)

    def assert_there(self) -> None:
        assert b"".join(data for _, data in sorted(self.parts.items())) == self.path.read_bytes()


@pytest.fixture
def sealed(world: World, monkeypatch: pytest.MonkeyPatch) -> Sealed:
    monkeypatch.setattr(uploading_room, "PART_BYTES", PART)
    monkeypatch.setattr(uploading_room, "PIECE_BYTES", 300)
    case, people = world.accepted()
    path = world.folder / "sealed"
    source = world.document(bytes(6500))
    posting = people["claimant"].prepare_deposit(case, source, SETTLEMENT, sealed=path, title="t", label="l")
    return Sealed(world, people["claimant"], posting, path)


def calls_of(sealed: Sealed, *names: str) -> list[str]:
    """Which of these calls the client makes, in order."""
    made: list[str] = []

    def noted(name: str) -> Callable[..., Any]:
        def lie(said: Any, *_: Any, **__: Any) -> Any:
            made.append(name)
            return said

        return lie

    for name in names:
        sealed.courier.lies[name] = noted(name)
    return made


def failing(*errors: EscrowError | None) -> Callable[..., Any]:
    """An answer that is lost on the way, once for each error; None: not this time."""
    left = list(errors)

    def lie(said: Any, *_: Any, **__: Any) -> Any:
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return said

    return lie


def waiting(sealed: Sealed) -> PendingDeposit:
    """A deposit of this size in the home, of which nothing was sent."""
    sealed.courier.lies["begin_upload"] = failing(UnavailableError("service_unreachable"))
    case, source = sealed.posting.case, sealed.world.document(bytes(6500))
    assert case is not None
    with refuses(UnavailableError, "service_unreachable"):
        sealed.claimant.deposit(case, source, SETTLEMENT, title="t", label="l")
    (pending,) = sealed.claimant.pending_deposits()
    return pending


def without_digests(plan: Upload, *_: Any, **__: Any) -> Upload:
    """As S3 lists parts: by their length alone."""
    return replace(plan, parts=tuple(replace(part, sha256=None) for part in plan.parts))


@pytest.mark.parametrize(
    ("ways", "call"), [(("parts",), "put_part"), (ONE_BODY, "put_payload"), (STORAGE, "put_to_address")]
)
def test_best_way_that_the_service_offers_is_taken(sealed: Sealed, ways: Any, call: str) -> None:
    sealed.world.service.ways = ways
    made = calls_of(sealed, "put_part", "put_payload", "put_to_address")
    seen: list[int] = []

    def watch(stage: Stage, done: int, total: int) -> None:
        assert (stage, total) == (Stage.UPLOAD, sealed.path.stat().st_size)
        seen.append(done)

    sealed.upload(progress=watch)
    assert set(made) == {call}
    assert seen == sorted(seen)
    assert seen[-1] == sealed.path.stat().st_size
    sealed.assert_there()


def cut_after(sealed: Sealed, pieces: int) -> None:
    """The line breaks when so many pieces of the body have gone."""
    true_put = sealed.courier._honest.put_payload

    def put(case: str, upload: str, source: Callable[[], Iterator[bytes]], *, payload: Any) -> None:
        def some() -> Iterator[bytes]:
            for at, piece in enumerate(source()):
                if at == pieces:
                    raise UnavailableError("service_unreachable")
                yield piece

        true_put(case, upload, some, payload=payload)

    sealed.courier._honest.put_payload = put  # type: ignore[method-assign]


def test_one_body_that_breaks_off_goes_on_with_the_missing_parts_only(sealed: Sealed) -> None:
    sealed.world.service.ways = ONE_BODY
    cut_after(sealed, 9)  # 2,700 bytes: two parts are whole
    sealed.upload()
    assert sealed.world.service.parts_taken == list(range(3, sealed.count + 1))
    sealed.assert_there()


def test_one_body_whose_answer_was_lost_is_not_sent_again(sealed: Sealed) -> None:
    sealed.world.service.ways = ONE_BODY
    sealed.courier.lies["put_payload"] = failing(UnavailableError("service_unreachable"))
    sealed.upload()
    assert sealed.world.service.parts_taken == []
    sealed.assert_there()


def test_upload_that_has_parts_already_is_not_sent_whole(sealed: Sealed) -> None:
    sealed.courier.lies["put_part"] = failing(None, None, UnavailableError("service_unreachable"))
    with refuses(UnavailableError, "service_unreachable"):
        sealed.upload()
    del sealed.parts[3]  # its answer was lost, and so was it
    sealed.world.service.ways = ONE_BODY
    sealed.world.service.parts_taken.clear()
    made = calls_of(sealed, "put_payload")
    sealed.upload()
    assert (made, sealed.world.service.parts_taken) == ([], list(range(3, sealed.count + 1)))


def test_body_damaged_on_the_way_is_sent_again_and_then_given_up(sealed: Sealed) -> None:
    sealed.world.service.ways = ONE_BODY
    damaged = UnavailableError("payload_damaged")
    tries: list[int] = []

    def put(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise damaged

    sealed.courier._honest.put_payload = put  # type: ignore[method-assign]
    with refuses(UnavailableError, "payload_damaged"):
        sealed.upload()
    assert len(tries) == uploading_room.TRIES
    assert sealed.parts == {}


@pytest.mark.parametrize("ways", [("parts",), ONE_BODY, STORAGE])
def test_file_that_changed_since_is_never_sent_to_its_end(sealed: Sealed, ways: Any) -> None:
    """The home's own, which is read once: nobody else writes there."""
    sealed.world.service.ways = ways
    pending = waiting(sealed)
    raw = pending.sealed.read_bytes()
    pending.sealed.write_bytes(b"x" + raw[1:])
    with refuses(SetupError, "sealed_file_differs"):
        sealed.claimant.resume_deposit(pending)
    assert sealed.count not in sealed.world.service.uploads[pending.upload][2]
    assert sealed.world.service.completed == set()


@pytest.mark.parametrize("ways", [("parts",), ONE_BODY, STORAGE])
def test_no_part_of_another_file_is_sent_and_later_taken_for_this_ones(sealed: Sealed, ways: Any) -> None:
    """Nobody could tell it from the right one: storage that is S3 does not say a part's digest."""
    sealed.world.service.ways = ways
    sealed.courier.lies["begin_upload"] = without_digests
    right = sealed.path.read_bytes()
    sealed.path.write_bytes(b"w" * len(right))
    with refuses(SetupError, "sealed_file_differs"):
        sealed.upload()
    assert sealed.world.service.uploads == {}
    sealed.path.write_bytes(right)
    sealed.upload()
    sealed.assert_there()


@pytest.mark.parametrize(
    "error", [UnavailableError("storage_unreachable"), UnavailableError("address_refused", status=403)]
)
def test_storage_that_fails_at_its_address_is_passed_by_through_the_service(
    sealed: Sealed, error: EscrowError
) -> None:
    sealed.world.service.ways = STORAGE
    sealed.courier.lies["put_to_address"] = failing(None, None, error, error, error, error)
    made = calls_of(sealed, "put_part")
    sealed.upload()
    sealed.assert_there()
    assert len(made) < sealed.count  # what had arrived at an address was not sent again


def test_parts_whose_digest_the_service_cannot_say_are_not_sent_again(sealed: Sealed) -> None:
    sealed.upload()
    sealed.world.service.parts_taken.clear()
    del sealed.parts[2]

    sealed.courier.lies["begin_upload"] = without_digests
    sealed.upload()
    assert sealed.world.service.parts_taken == [2]


def test_part_of_another_length_is_sent_again_whatever_the_service_says_of_it(sealed: Sealed) -> None:
    sealed.upload()
    sealed.world.service.parts_taken.clear()
    other = Part(number=1, length=PART - 1, sha256=None)
    sealed.courier.lies["begin_upload"] = lambda plan, *_, **__: replace(plan, parts=(other, *plan.parts[1:]))
    sealed.upload()
    assert sealed.world.service.parts_taken == [1]


def test_addresses_that_are_about_to_end_are_asked_for_again(sealed: Sealed) -> None:
    sealed.world.service.ways = STORAGE
    asked: list[int] = []

    def soon(page: Addresses, *_: Any, after: int) -> Addresses:
        asked.append(after)
        return replace(page, valid_s=0)

    sealed.courier.lies["addresses"] = soon
    sealed.upload()
    assert asked == list(range(sealed.count))


def test_address_that_the_service_does_not_name_ends_the_upload(sealed: Sealed) -> None:
    sealed.world.service.ways = STORAGE
    sealed.courier.lies["addresses"] = lambda page, *_, **__: replace(page, urls={})
    with refuses(MalformedError, "answer_malformed", field="answer.addresses"):
        sealed.upload()
    assert sealed.parts == {}


def test_address_that_is_not_safe_ends_the_upload_and_nothing_is_sent(sealed: Sealed) -> None:
    sealed.world.service.ways = STORAGE
    sealed.courier.lies["addresses"] = failing(MalformedError("address_unsafe", field="answer.addresses"))
    made = calls_of(sealed, "put_to_address", "put_part")
    with refuses(MalformedError, "address_unsafe"):
        sealed.upload()
    assert made == []


def test_service_that_offers_addresses_and_names_none_gets_the_parts_itself(sealed: Sealed) -> None:
    sealed.world.service.ways = STORAGE
    sealed.courier.lies["addresses"] = failing(RefusedError("addresses_not_offered"))
    sealed.upload()
    sealed.assert_there()


def test_way_that_this_client_does_not_know_is_passed_over(sealed: Sealed) -> None:
    sealed.world.service.ways = ("pigeon", "parts")
    sealed.upload()
    sealed.assert_there()
