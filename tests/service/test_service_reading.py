"""Who may read what. Whatever is forbidden looks like what is unknown: same answer, same store calls."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support import build
from support.documented import told
from support.office import Office

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.ledger.bundle import Bundle
from escrow.ledger.entry import Entry
from escrow.ledger.jws import UnverifiedJws
from escrow.service.gate import write_index
from escrow.store import journal

ARBITRATOR, STRANGER = build.party("arbitrator"), build.party("stranger")
CLAIMANT, MEDIATOR = build.SEATS["claimant"], build.SEATS["mediator"]
UNKNOWN_CASE, UNKNOWN_HASH, UNKNOWN_ID = "0" * 64, "1" * 64, "2" * 32


@dataclass(frozen=True)
class World:
    office: Office
    case: build.Case
    record: str
    named: str
    public: str
    shares: str


def build_world(office: Office) -> World:
    """One record with two requests: one released to the arbitrator, one for the public that is not yet."""
    case = office.accepted()
    record = office.deposited(case)
    named = case.request(record, "settlement", ARBITRATOR)
    public = case.request(record, "memo")
    case.sign_off(named, "claimant", "respondent")
    case.sign_off(public, "claimant")
    shares = case.state.requests[named].sign_offs["claimant"][0].shares
    return World(office, case, record, named, public, shares)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """For tests that only read."""
    return build_world(Office(tmp_path_factory.mktemp("world")))


@pytest.fixture
def own_world(office: Office) -> World:
    """For tests that change it."""
    return build_world(office)


Path = Callable[[World, str], str]

PRIVATE: dict[str, Path] = {
    "case": lambda world, case: f"/v1/cases/{case}",
    "entries": lambda world, case: f"/v1/cases/{case}/entries",
    "records": lambda world, case: f"/v1/cases/{case}/records",
    "record": lambda world, case: f"/v1/cases/{case}/records/{world.record}",
    "requests": lambda world, case: f"/v1/cases/{case}/requests",
    "request": lambda world, case: f"/v1/cases/{case}/requests/{world.named}",
    "shares": lambda world, case: f"/v1/cases/{case}/shares/{world.shares}",
    "payload": lambda world, case: f"/v1/cases/{case}/records/{world.record}/payload",
    "bundle": lambda world, case: f"/v1/cases/{case}/requests/{world.named}/bundle",
    "upload": lambda world, case: f"/v1/cases/{case}/uploads/{UNKNOWN_ID}",
}


@pytest.mark.parametrize("who", [STRANGER, None], ids=["stranger", "nobody"])
@pytest.mark.parametrize("route", PRIVATE)
def test_forbidden_case_looks_like_an_unknown_one(world: World, route: str, who: Identity | None) -> None:
    answers = []
    for case in (world.case.id, UNKNOWN_CASE):
        world.office.store.calls.clear()
        answer = world.office.get(PRIVATE[route](world, case), who)
        answers.append((*told(answer), list(world.office.store.calls)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


@pytest.mark.parametrize("claimed", ["claimant", "mediator", "arbitrator", "stranger"])
def test_false_signature_tells_nobody_whether_the_card_that_it_names_is_in_the_case(
    world: World, claimed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answer after the same work, for every card, in a case that is there and in one that is not."""
    checked: list[bool] = []
    verify = UnverifiedJws.verify

    def counted(self: UnverifiedJws, card: Card) -> None:
        checked.append(self.kid == card.fingerprint)
        verify(self, card)

    raw = world.case.statement(build.party(claimed), build.Note(text=build.SEALED))
    head, _, signature = raw.rpartition(".")
    false = f"{head}.{signature[::-1][:-2]}{signature[-2:]}"
    monkeypatch.setattr(UnverifiedJws, "verify", counted)
    for case in (world.case.id, UNKNOWN_CASE):
        world.office.store.calls.clear()
        checked.clear()
        problem = world.office.post(case, false).get_json()
        assert (problem["status"], problem["code"], problem["fields"]) == (404, "not_found", {})
        assert (world.office.store.calls, checked) == (["get cases"], [True])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/cases/{case}/records/" + UNKNOWN_ID,
        "/v1/cases/{case}/records/" + UNKNOWN_ID + "/payload",
        "/v1/cases/{case}/requests/" + UNKNOWN_HASH,
        "/v1/cases/{case}/requests/" + UNKNOWN_HASH + "/bundle",
        "/v1/cases/{case}/shares/" + UNKNOWN_HASH,
        "/v1/cases/{case}/uploads/" + UNKNOWN_ID,
        "/v1/cases/{case}/nothing",
    ],
)
def test_member_who_asks_for_what_is_not_there_is_told_so(world: World, path: str) -> None:
    answer = world.office.get(path.format(case=world.case.id), CLAIMANT)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("route", ["case", "entries", "records", "record", "requests", "request", "shares"])
@pytest.mark.parametrize("who", [build.CONVENOR, MEDIATOR], ids=["convenor", "seat"])
def test_member_reads(world: World, route: str, who: Identity) -> None:
    assert world.office.get(PRIVATE[route](world, world.case.id), who).status_code == 200


@pytest.mark.parametrize("route", ["case", "entries", "records", "record", "shares", "upload"])
def test_reader_of_a_release_reads_nothing_else_of_the_case(world: World, route: str) -> None:
    assert world.office.get(PRIVATE[route](world, world.case.id), ARBITRATOR).status_code == 404


@pytest.mark.parametrize("route", ["requests", "request", "bundle", "payload"])
def test_reader_of_a_release_reads_its_request_bundle_and_payload(world: World, route: str) -> None:
    assert world.office.get(PRIVATE[route](world, world.case.id), ARBITRATOR).status_code == 200


def test_reader_sees_only_the_requests_that_name_it(world: World) -> None:
    found = world.office.get(PRIVATE["requests"](world, world.case.id), ARBITRATOR).get_json()["requests"]
    assert [each["request"] for each in found] == [world.named]


def test_bundle_before_the_release_is_nobodys(world: World) -> None:
    for who in (CLAIMANT, build.CONVENOR, ARBITRATOR, None):
        answer = world.office.get(f"/v1/cases/{world.case.id}/requests/{world.public}/bundle", who)
        assert answer.status_code == 404


def test_public_release_is_everybodys(own_world: World) -> None:
    own_world.case.sign_off(own_world.public, "respondent")
    for who in (None, STRANGER):
        bundle = own_world.office.get(
            f"/v1/cases/{own_world.case.id}/requests/{own_world.public}/bundle", who
        )
        assert bundle.status_code == 200
        verified = Bundle.parse(bundle.data).verify(own_world.case.id, own_world.public)
        assert set(verified.shares) == {"claimant", "respondent"}
        assert own_world.office.get(PRIVATE["payload"](own_world, own_world.case.id), who).status_code == 200
        assert own_world.office.get(PRIVATE["bundle"](own_world, own_world.case.id), who).status_code == 404


def test_bundle_of_a_named_release_convinces_its_reader(world: World) -> None:
    raw = world.office.get(PRIVATE["bundle"](world, world.case.id), ARBITRATOR).data
    verified = Bundle.parse(raw).verify(world.case.id, world.named)
    assert (set(verified.shares), verified.bad) == ({"claimant", "respondent"}, ())


def test_entries_come_in_pages_without_gap(world: World) -> None:
    found, after = [], -1
    while after is not None:
        page = world.office.get(
            f"/v1/cases/{world.case.id}/entries?after={after}&limit=3", CLAIMANT
        ).get_json()
        found += page["entries"]
        after = page["next"]
    assert len(found) == world.case.state.head.n + 1
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("size", "pages"), [(1, lambda entries: entries), (10**9, lambda entries: 1)], ids=["one each", "all"]
)
def test_page_of_entries_is_bound_by_bytes_and_says_where_to_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int, pages: Callable[[int], int]
) -> None:
    monkeypatch.setattr(journal, "MAX_PAGE_BYTES", size)
    found: list[str] = []
    asked, after = 0, -1
    while after is not None:
        page = world.office.get(f"/v1/cases/{world.case.id}/entries?after={after}", CLAIMANT).get_json()
        found += page["entries"]
        asked, after = asked + 1, page["next"]
    heads = [Entry.read(raw, build.SERVICE.card).n for raw in found]
    assert heads == list(range(world.case.state.head.n + 1))
    assert asked == pages(len(heads))


def test_cases_are_listed_for_seats_convenor_and_readers_only(world: World) -> None:
    def listed(who: Identity) -> list[str]:
        return [case["case"] for case in world.office.get("/v1/cases", who).get_json()["cases"]]

    for who in (CLAIMANT, build.CONVENOR, ARBITRATOR):
        assert listed(who) == [world.case.id]
    assert listed(STRANGER) == []


def test_cases_come_in_pages(own_world: World) -> None:
    for number in range(4):
        own_world.office.case().open(build.charter(public_notice=f"case {number}"))
    found, path = [], "/v1/cases?limit=2"
    while path:
        page = own_world.office.get(path, build.CONVENOR).get_json()
        found += [case["case"] for case in page["cases"]]
        path = f"/v1/cases?limit=2&after={page['next']}" if page["next"] else ""
    assert found == sorted(found)
    assert len(found) == 5


def test_index_without_an_entry_shows_no_case(own_world: World) -> None:
    """As a crash between index and entry leaves it."""
    write_index(own_world.office.desk, UNKNOWN_CASE, [STRANGER.card])
    assert own_world.office.get("/v1/cases", STRANGER).get_json() == {"cases": [], "next": None}
    assert own_world.office.get(f"/v1/cases/{UNKNOWN_CASE}", STRANGER).status_code == 404
    assert own_world.office.get("/v1/inbox", STRANGER).get_json()["items"] == []


def test_inbox_follows_the_case(office: Office) -> None:
    def waits(who: Identity) -> list[tuple[str, tuple[str, ...]]]:
        items = office.get("/v1/inbox", who).get_json()["items"]
        return [(item["kind"], tuple(item["seats"])) for item in items]

    case = office.case().open()
    assert waits(MEDIATOR) == [("accept", ("mediator",))]
    case.accept_all()
    assert waits(MEDIATOR) == []
    record = office.deposited(case)
    assert (waits(CLAIMANT), waits(MEDIATOR)) == ([], [("check-envelope", ("mediator",))])
    request = case.request(record, "settlement", ARBITRATOR)
    assert waits(CLAIMANT) == [("sign-off", ("claimant",))]
    assert waits(ARBITRATOR) == []
    case.sign_off(request, "claimant", "respondent")
    assert (waits(CLAIMANT), waits(ARBITRATOR)) == ([], [("open", ())])


def test_inbox_comes_in_pages(office: Office) -> None:
    for number in range(5):
        office.case().open(build.charter(public_notice=f"case {number}"))
    found, path = [], "/v1/inbox?limit=2"
    while path:
        page = office.get(path, MEDIATOR).get_json()
        found += [item["case"] for item in page["items"]]
        path = f"/v1/inbox?limit=2&after={page['next']}" if page["next"] else ""
    assert len(set(found)) == len(found) == 5


def test_inbox_cursor_into_a_case_of_others_is_refused(world: World) -> None:
    answer = world.office.get(f"/v1/inbox?after={world.case.id}.0", STRANGER)
    assert answer.status_code == 404
