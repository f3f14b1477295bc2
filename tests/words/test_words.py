"""Every code has words, no words are without a code, and no template names a field that its error lacks."""

import string
from collections import defaultdict

import pytest
from support.codes import Raised, collect

from escrow import errors
from escrow.api.problems import HTTP_CODES, INTERNAL_ERROR
from escrow.errors import NotFoundError, RefusedError
from escrow.words import TABLES, WORDS, describe

RAISED = collect()
AT_THE_DOOR = {*HTTP_CODES.values(), INTERNAL_ERROR}
STATUSES = {
    "MalformedError": {400, 405, 411, 415, 416},
    "TooLargeError": {413},
    "UnauthorizedError": {401},
    "NotFoundError": {404},
    "ForgedError": {422},
    "RefusedError": {403, 409},
    "ConflictError": {409},
    "UnavailableError": {500, 503},
    "SetupError": {500},
}


def places(name: str) -> set[str]:
    row = WORDS[name]
    texts = (row.title, row.detail, row.remedy)
    return {field for text in texts for _, field, _, _ in string.Formatter().parse(text) if field}


def test_source_was_read() -> None:
    codes = {raised.code for raised in RAISED}
    assert {
        "signature_false",
        "token_stale",
        "share_false",
        "dealing_proof_false",
        "terms_differ_from_charter",
    } <= codes


def test_every_code_has_words() -> None:
    missing = {raised.code: raised.where for raised in RAISED if raised.code not in WORDS}
    assert missing == {}
    assert set(WORDS) >= AT_THE_DOOR


def test_no_words_are_without_a_code() -> None:
    assert set(WORDS) - {raised.code for raised in RAISED} - AT_THE_DOOR == set()


def test_no_code_is_in_two_tables() -> None:
    assert len(WORDS) == sum(len(table) for table in TABLES)


def test_every_place_in_a_template_is_a_field_of_every_error_of_that_code() -> None:
    wrong: dict[str, list[str]] = defaultdict(list)
    for raised in RAISED:
        lacking = places(raised.code) - raised.fields if raised.code in WORDS else set()
        if lacking and not raised.open_fields:
            wrong[raised.code].append(f"{raised.where} lacks {sorted(lacking)}")
    assert dict(wrong) == {}


def test_status_of_a_row_fits_the_family() -> None:
    def status(raised: Raised) -> int:
        return describe(getattr(errors, raised.family)(raised.code)).status

    wrong = {
        raised.code: status(raised)
        for raised in RAISED
        if raised.family in STATUSES and status(raised) not in STATUSES[raised.family]
    }
    assert wrong == {}


@pytest.mark.parametrize("code", sorted(WORDS))
def test_words_are_sentences(code: str) -> None:
    row = WORDS[code]
    assert row.title
    assert not row.title.endswith(".")
    assert row.detail[-1] in ".?!}"
    assert row.remedy[-1] in ".'}"
    assert code not in (row.title, row.detail)


def test_code_of_a_newer_version_is_shown_as_it_is() -> None:
    words = describe(RefusedError("moon_in_the_wrong_house", phase=3))
    assert (words.status, words.detail) == (409, "The answer was moon_in_the_wrong_house.")


def test_field_that_is_not_there_shows_as_a_question_mark() -> None:
    assert describe(NotFoundError("author_unknown")).detail == "The card ? has no part in this case."


def test_list_of_seats_is_shown_as_a_list() -> None:
    words = describe(RefusedError("charter_not_accepted", seats=("claimant", "mediator")))
    assert words.detail == "These seats have not accepted the charter: claimant, mediator."
