"""Posting over HTTP: every way in which a body or a statement is wrong, and that nothing changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import build
from support.office import Office, tree

from escrow.crypto.identity import Identity
from escrow.ledger import jws
from escrow.ledger.statement import Head, compose
from escrow.model.deeds import Note
from escrow.model.wire import to_base64

CLAIMANT = build.SEATS["claimant"]


class NamedBy(Identity):
    """Signs with its own key under another card's name."""

    __slots__ = ()

    @property
    def card(self) -> Any:
        return CLAIMANT.card


def note(
    case: build.Case, who: Identity = CLAIMANT, *, for_case: str | None = None, head: Head | None = None
) -> str:
    return compose(who, Note(text=build.SEALED), case=for_case or case.id, head=head or case.state.head)


def spoiled(raw: str, part: int) -> str:
    parts = raw.split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    return ".".join(parts)


STATEMENTS: dict[str, tuple[int, str, Callable[[build.Case], str]]] = {
    "empty": (400, "field_refused", lambda case: ""),
    "rubbish": (400, "jws_malformed", lambda case: "rubbish"),
    "unsigned": (400, "jws_malformed", lambda case: ".".join([*note(case).split(".")[:2], ""])),
    "signature changed": (404, "not_found", lambda case: spoiled(note(case), 2)),
    "words changed": (404, "not_found", lambda case: note(case).replace(".eyJ", ".eyK", 1)),
    "wrong key": (
        404,
        "not_found",
        lambda case: note(case, NamedBy.from_seed(build.bytes_of("mallory"))),
    ),
    "wrong type": (400, "statement_kind_unknown", lambda case: jws.sign(CLAIMANT, "escrow.vote.v1", {})),
    "unknown field": (
        400,
        "field_unknown",
        lambda case: jws.sign(
            CLAIMANT,
            Note.TYP,
            {"case": case.id, "head": case.state.head.emit(), "text": to_base64(build.SEALED), "extra": 1},
        ),
    ),
    "wrong case": (409, "statement_for_other_case", lambda case: note(case, for_case="ab" * 32)),
    "head beyond": (409, "head_unknown", lambda case: note(case, head=Head(n=99, hash="00" * 32))),
    "head of a fork": (409, "head_not_of_case", lambda case: note(case, head=Head(n=1, hash="00" * 32))),
    "not a party": (404, "not_found", lambda case: note(case, build.party("stranger"))),
    "opening again": (404, "not_found", lambda case: build.opening(convenor=build.party("stranger"))),
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, build.Case, Path]:
    folder = tmp_path_factory.mktemp("statements")
    office = Office(folder)
    return office, office.accepted(), folder


@pytest.mark.parametrize("kind", STATEMENTS)
def test_statement_that_is_wrong_is_refused_and_changes_nothing(
    scene: tuple[Office, build.Case, Path], kind: str
) -> None:
    office, case, folder = scene
    status, code, make = STATEMENTS[kind]
    raw = make(case)
    before = tree(folder)
    answer = office.post(case.id, raw)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"
    assert tree(folder) == before


BODIES: dict[str, tuple[int, str, dict[str, Any]]] = {
    "no body": (415, "media_type_unsupported", {}),
    "form": (415, "media_type_unsupported", {"data": {"statement": "x"}}),
    "not json": (400, "field_not_json", {"data": b"{", "content_type": "application/json"}),
    "not utf-8": (
        400,
        "field_not_json",
        {"data": b'{"statement":"\xff"}', "content_type": "application/json"},
    ),
    "a list": (400, "field_not_an_object", {"json": ["x"]}),
    "repeated key": (
        400,
        "field_not_json",
        {"data": b'{"statement":"a","statement":"b"}', "content_type": "application/json"},
    ),
    "no statement": (400, "field_missing", {"json": {}}),
    "a number": (400, "field_refused", {"json": {"statement": 5}}),
    "null": (400, "field_refused", {"json": {"statement": None}}),
    "unknown field": (400, "field_unknown", {"json": {"statement": "x", "force": True}}),
    "attachment not base64url": (
        400,
        "field_not_base64url",
        {"json": {"statement": "x", "attachment": "+++="}},
    ),
    "attachment too large": (400, "field_refused", {"json": {"statement": "x", "attachment": "A" * 90_000}}),
    "body too large": (
        413,
        "body_too_large",
        {"data": b" " * (6 * 1024 * 1024 + 200 * 1024), "content_type": "application/json"},
    ),
}


@pytest.mark.parametrize("kind", BODIES)
def test_body_that_is_wrong_is_refused_and_changes_nothing(
    scene: tuple[Office, build.Case, Path], kind: str
) -> None:
    office, case, folder = scene
    status, code, body = BODIES[kind]
    before = tree(folder)
    answer = office.client.post(f"/v1/cases/{case.id}/statements", **body)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert tree(folder) == before


def test_body_without_a_length_is_refused(scene: tuple[Office, build.Case, Path]) -> None:
    office, case, _ = scene
    answer = office.client.post(
        f"/v1/cases/{case.id}/statements",
        headers={"Transfer-Encoding": "chunked", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert (answer.status_code, answer.get_json()["code"]) == (411, "length_required")


def test_opening_by_a_card_other_than_the_convenor_is_refused(office: Office) -> None:
    words = build.charter(convenor=build.party("somebody else"))
    answer = office.post(None, build.opening(words))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "opening_not_by_convenor")


def test_same_statement_again_answers_200_with_the_first_receipt(office: Office) -> None:
    case = office.accepted()
    raw = note(case)
    first, again = office.post(case.id, raw), office.post(case.id, raw)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json()
    assert set(first.get_json()) == {"receipt", "n", "hash", "statement"}


def test_replayed_statement_in_another_case_is_refused(office: Office) -> None:
    case = office.accepted()
    other = office.case().open(build.charter(public_notice="another")).accept_all()
    answer = office.post(other.id, note(case))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "statement_for_other_case")


def test_method_that_is_not_there_says_which_are(office: Office) -> None:
    answer = office.client.delete("/v1/cases")
    assert (answer.status_code, answer.get_json()["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=-2", "after=x", "page=1"])
def test_page_that_is_out_of_bounds_is_refused(office: Office, query: str) -> None:
    answer = office.get(f"/v1/cases/{'0' * 64}/entries?{query}", CLAIMANT)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
