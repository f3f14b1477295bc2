"""Charters as people write them: what a TOML file may say, and what is refused with the field's name."""

from datetime import UTC, datetime
from typing import Any

import pytest
from client.honest import DRAFT, draft
from support.build import CASE_KEY, SERVICE, party
from support.refusals import refuses

from escrow.client import CharterDraft
from escrow.client.texts import open_alone, open_prose
from escrow.errors import EscrowError, MalformedError, RefusedError, TooLargeError
from escrow.model.case_key import CaseKey
from escrow.model.charter import Charter, Service
from escrow.model.path import AudienceKind
from escrow.model.wire import Fields

CARDS = {name: str(party(name).card) for name in ("claimant", "respondent", "mediator")}
GOOD = DRAFT.format(**CARDS)


def charter_of(text: str) -> Charter:
    service = Service(url="https://escrow.example", card=SERVICE.card)
    return CharterDraft.from_toml(text).charter(
        service=service, convenor=party("institution").card, case_key=CASE_KEY
    )


def test_draft_becomes_a_charter_that_survives_its_own_text() -> None:
    charter = charter_of(GOOD)
    assert Charter.read(Fields(charter.emit())) == charter
    assert list(charter.seats) == ["claimant", "respondent", "mediator"]
    assert [path.name for path in charter.paths] == ["settlement", "memo", "exchange"]
    kinds = [path.audience.kind for path in charter.paths]
    assert kinds == [AudienceKind.NAMED, AudienceKind.PUBLIC, AudienceKind.SEATS]
    assert [path.date_open for path in charter.paths] == [False, True, False]


def test_prose_is_readable_with_the_case_key_only() -> None:
    charter = charter_of(GOOD)
    assert b"Keller" not in charter.prose
    prose = open_prose(CASE_KEY, charter.prose)
    assert prose is not None
    assert (prose.title, prose.rules) == (
        "Keller and Nordwind, mediation",
        "Nothing said here is used elsewhere.",
    )
    assert open_prose(CaseKey(raw=bytes(32)), charter.prose) is None
    assert open_prose(None, charter.prose) is None


@pytest.mark.parametrize(
    ("change", "kind", "code", "field"),
    [
        (("title = ", "titel = "), MalformedError, "field_unknown", "titel"),
        (("visibility", "extra = 1\nvisibility"), MalformedError, "field_unknown", "extra"),
        (
            ("retention_days = 365", "retention_days = 0"),
            MalformedError,
            "field_out_of_range",
            "retention_days",
        ),
        (
            ("retention_days = 365", 'retention_days = "y"'),
            MalformedError,
            "field_not_an_integer",
            "retention_days",
        ),
        (('"stay-sealed"', '"toss-a-coin"'), MalformedError, "field_not_a_choice", "deadlock"),
        (('"dark"', '"loud"'), MalformedError, "field_not_a_choice", "visibility"),
        (("[seats]", "[places]"), MalformedError, "field_unknown", "places"),
        (("[seats]\n", "[[seats]]\n"), MalformedError, "draft_seats_missing", "seats"),
        (("claimant = ", "Claimant = "), MalformedError, "seat_name_malformed", "seat"),
        (
            (f'claimant = "{CARDS["claimant"]}"', 'claimant = "me"'),
            MalformedError,
            "card_malformed",
            "seats.claimant",
        ),
        (("2 of (claimant,", "2 of (plaintiff,"), MalformedError, "policy_seat_unknown", "policy"),
        (("2 of (", "4 of ("), MalformedError, "policy_k_out_of_range", "policy"),
        (
            ('audience = "public"', 'audience = "press"'),
            MalformedError,
            "field_not_a_choice",
            "paths.memo.audience",
        ),
        (
            ('audience = "public"', "audience = 1"),
            MalformedError,
            "field_not_a_choice",
            "paths.memo.audience",
        ),
        (
            ('"at-deposit"', "2027-01-01T00:00:00"),
            MalformedError,
            "draft_date_without_zone",
            "paths.memo.not_before",
        ),
        (('"at-deposit"', "2027-01-01"), MalformedError, "draft_date_without_zone", "paths.memo.not_before"),
        (('"at-deposit"', '"soon"'), MalformedError, "field_not_a_time", "paths.memo.not_before"),
        (("[paths.memo]", "[paths.Memo]"), MalformedError, "path_name_malformed", "path.name"),
        (("[paths.memo]", "[paths.memo]\nnotice = 3"), MalformedError, "field_unknown", "paths.memo.notice"),
        (("[paths.memo]", "[paths"), MalformedError, "draft_not_toml", "draft"),
        (("policy = ", "polcy = "), MalformedError, "field_unknown", "paths.settlement.polcy"),
    ],
)
def test_draft_that_says_something_else_is_refused(
    change: tuple[str, str], kind: type[EscrowError], code: str, field: str
) -> None:
    assert change[0] in GOOD
    with refuses(kind, code, field=field):
        charter_of(GOOD.replace(*change, 1))


@pytest.mark.parametrize("change", [("2 of (", "4 of ("), ("2 of (claimant,", "2 of (plaintiff,")])
def test_policy_that_cannot_be_names_its_path(change: tuple[str, str]) -> None:
    with refuses(
        MalformedError,
        "policy_seat_unknown" if "plain" in change[1] else "policy_k_out_of_range",
        path="settlement",
    ):
        CharterDraft.from_toml(GOOD.replace(*change, 1))


def test_draft_that_is_no_toml_names_the_line() -> None:
    line = GOOD.splitlines().index("[paths.memo]") + 1
    with refuses(MalformedError, "draft_not_toml", line=line):
        CharterDraft.from_toml(GOOD.replace("[paths.memo]", "[paths"))


def test_readers_of_a_public_path_are_refused() -> None:
    text = GOOD.replace('audience = "public"', f'audience = "public"\nreaders = ["{CARDS["claimant"]}"]')
    with refuses(MalformedError, "audience_malformed"):
        charter_of(text)


def test_path_that_one_party_can_open_alone_needs_words_about_it() -> None:
    alone = GOOD.replace('policy = "2 of', 'policy = "any of', 1)
    with refuses(RefusedError, "one_party_can_open_alone", path="settlement"):
        charter_of(alone)
    worded = alone.replace('audience = "named"', 'audience = "named"\nalone = "We trust each other."', 1)
    charter = charter_of(worded)
    assert open_alone(CASE_KEY, "settlement", charter.paths[0].alone) == "We trust each other."
    assert open_alone(CASE_KEY, "memo", charter.paths[0].alone) is None


@pytest.mark.parametrize(
    "text", ["2027-01-01T01:00:00+01:00", '"2027-01-01T00:00:00.000Z"', "2027-01-01T00:00:00.0007Z"]
)
def test_date_of_a_draft_is_kept_in_utc_to_the_millisecond(text: str) -> None:
    charter = charter_of(GOOD.replace('"at-deposit"', text))
    assert charter.path("memo").not_before == datetime(2027, 1, 1, tzinfo=UTC)


def test_draft_beyond_its_limit_is_refused() -> None:
    with refuses(TooLargeError, "field_too_large", field="draft"):
        CharterDraft.from_toml("#" * 300_000)


def test_draft_in_code_and_in_toml_are_one() -> None:
    written: Any = CharterDraft.from_toml(GOOD)
    assert written == draft()
