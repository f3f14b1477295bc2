"""Names of objects: printed, parsed, and nothing else accepted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.contract import JUNK_NAMES, refused

from escrow.errors import MalformedError
from escrow.store import names
from escrow.store.interface import Bucket


def ids(digits: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=digits, max_size=digits)


PLACE = names.OutboxName(fingerprint="0" * 64, hook="0" * 32, minute=1, message="0" * 64)
CASES, UPLOADS = ids(64), ids(32)
PRINTERS: list[Callable[[str], object]] = [
    lambda junk: names.entry(junk, 1),
    lambda junk: names.entries(junk),
    lambda junk: names.after_case(junk),
    lambda junk: names.card_index(junk, "0" * 64),
    lambda junk: names.card_index("0" * 64, junk),
    lambda junk: names.card_indexes(junk),
    lambda junk: names.reference(junk, "0" * 64),
    lambda junk: names.reference("0" * 64, junk),
    lambda junk: names.reference_place(junk, "0" * 64, 1),
    lambda junk: names.reference_place("0" * 64, junk, 1),
    lambda junk: names.change(1, junk),
    lambda junk: names.hook_opened(junk, "0" * 32),
    lambda junk: names.hook_closed("0" * 64, junk),
    lambda junk: names.hooks_of(junk),
    lambda junk: names.outbox(replace(PLACE, fingerprint=junk)),
    lambda junk: names.outbox(replace(PLACE, hook=junk)),
    lambda junk: names.outbox(replace(PLACE, message=junk)),
    lambda junk: names.share(junk, "0" * 64),
    lambda junk: names.share("0" * 64, junk),
    lambda junk: names.shares(junk),
    lambda junk: names.payload(junk, "0" * 32),
    lambda junk: names.payload("0" * 64, junk),
    lambda junk: names.payloads(junk),
    lambda junk: names.staged(junk, "0" * 64, "0" * 32),
    lambda junk: names.staged("0" * 64, junk, "0" * 32),
    lambda junk: names.staged("0" * 64, "0" * 64, junk),
    lambda junk: names.snapshots(junk),
    lambda junk: names.snapshots_of("0" * 64, junk),
    lambda junk: names.snapshot(junk, "0" * 16, 1),
]
PARSERS: list[Callable[[str], object]] = [
    names.parse_entry,
    names.parse_card_index,
    names.parse_reference,
    names.parse_change,
    names.parse_hook,
    names.parse_outbox,
    names.parse_looked,
    names.parse_share,
    names.parse_payload,
    names.parse_upload_plan,
    names.parse_staged,
    names.parse_snapshot,
    names.parse_part_folder,
    names.parse_part,
    names.parse_retention,
]
JUNK_IDS = [
    "",
    ".",
    "..",
    "/" * 64,
    "../" * 21 + "a",
    "A" * 64,
    "g" * 64,
    "a" * 63,
    "a" * 65,
    "a" * 31,
    "a" * 33,
    "a" * 63 + "\n",
    "a" * 64 + "\n",
    "a" * 63 + "\0",
    "\N{ARABIC-INDIC DIGIT ONE}" * 64,
    "\N{FULLWIDTH DIGIT ONE}" * 64,
    " " + "a" * 63,
]


@pytest.mark.parametrize("junk", JUNK_IDS)
def test_id_that_is_not_lowercase_hex_of_its_length_is_refused(junk: str) -> None:
    for printer in PRINTERS:
        refused(MalformedError, "object_id_malformed", lambda printer=printer: printer(junk))


@pytest.mark.parametrize("number", [-1, 10_000_000_000])
def test_entry_number_that_would_not_sort_is_refused(number: int) -> None:
    refused(MalformedError, "object_number_out_of_range", lambda: names.entry("0" * 64, number))


@pytest.mark.parametrize("number", [-1, 0, 10_001])
def test_part_number_that_no_upload_has_is_refused(number: int) -> None:
    name = names.payload("0" * 64, "0" * 32)
    refused(MalformedError, "object_number_out_of_range", lambda: names.part(name, number))


@pytest.mark.parametrize("name", [*JUNK_NAMES, *JUNK_IDS])
def test_junk_is_parsed_by_nobody(name: str) -> None:
    for parse in PARSERS:
        refused(MalformedError, "object_name_malformed", lambda parse=parse: parse(name))


@pytest.mark.parametrize(
    "last", ["20901301t000000z", "20900101t240000z", "20900101T000000Z", "00000101t000000z"]
)
def test_mark_that_is_no_time_is_refused(last: str) -> None:
    refused(MalformedError, "object_name_malformed", lambda: names.parse_retention(last))


@pytest.mark.parametrize("printer", [names.upload_plan, names.upload_stored, names.part_folder])
def test_upload_of_what_is_no_payload_is_refused(printer: Callable[[str], str]) -> None:
    entry = names.entry("0" * 64, 1)
    refused(MalformedError, "object_name_malformed", lambda: printer(entry))


@given(CASES, UPLOADS, st.booleans())
def test_hook_goes_round(fingerprint: str, hook: str, closed: bool) -> None:
    name = (names.hook_closed if closed else names.hook_opened)(fingerprint, hook)
    assert names.parse_hook(name) == names.HookName(fingerprint=fingerprint, hook=hook, is_closed=closed)
    assert names.is_object(Bucket.RECORDS, name)


@given(CASES, UPLOADS, st.integers(0, names.MAX_MINUTE), CASES, st.sampled_from(names.Sent))
def test_message_of_an_outbox_goes_round_and_lies_in_its_folder(
    fingerprint: str, hook: str, minute: int, message: str, what: names.Sent
) -> None:
    at = None if what is names.Sent.MESSAGE else minute
    place = names.OutboxName(
        fingerprint=fingerprint, hook=hook, minute=minute, message=message, what=what, at=at
    )
    name = names.outbox(place)
    assert names.parse_outbox(name) == place
    assert name.startswith(names.outbox_message(place))
    assert name.startswith(names.outbox_since(fingerprint, hook, minute))
    assert names.is_object(Bucket.RECORDS, name)


def test_mark_without_a_minute_and_message_with_one_are_refused() -> None:
    for what, at in ((names.Sent.FAILED, None), (names.Sent.MESSAGE, 1)):
        place = replace(PLACE, what=what, at=at)
        refused(MalformedError, "object_number_out_of_range", lambda place=place: names.outbox(place))


@given(st.integers(0, names.MAX_MINUTE))
def test_note_of_how_far_everybody_looked_goes_round(minute: int) -> None:
    assert names.parse_looked(names.looked(minute)) == minute


@given(case=CASES, number=st.integers(0, names.MAX_ENTRY))
def test_entry_goes_round(case: str, number: int) -> None:
    name = names.entry(case, number)
    assert names.parse_entry(name) == names.EntryName(case=case, number=number)
    assert name.startswith(names.entries(case))
    assert name < names.after_case(case)
    names.require_object(Bucket.LEDGER, name)


@given(fingerprint=CASES, case=CASES)
def test_card_index_goes_round(fingerprint: str, case: str) -> None:
    name = names.card_index(fingerprint, case)
    assert names.parse_card_index(name) == names.CardIndexName(fingerprint=fingerprint, case=case)
    assert name.startswith(names.card_indexes(fingerprint))
    names.require_object(Bucket.LEDGER, name)


@pytest.mark.parametrize("number", [-1, 10_000_000_000])
def test_minute_that_would_not_sort_is_refused(number: int) -> None:
    refused(MalformedError, "object_number_out_of_range", lambda: names.changes_in(number))


@given(fingerprint=CASES, text=CASES)
def test_reference_goes_round(fingerprint: str, text: str) -> None:
    name = names.reference(fingerprint, text)
    assert names.parse_reference(name) == names.ReferenceName(fingerprint=fingerprint, reference=text)
    assert name.startswith(names.REFERENCES)
    names.require_object(Bucket.LEDGER, name)


@given(minute=st.integers(0, names.MAX_MINUTE), case=CASES)
def test_change_goes_round_and_sorts_by_minute(minute: int, case: str) -> None:
    name = names.change(minute, case)
    assert names.parse_change(name) == names.ChangeName(minute=minute, case=case)
    assert names.CHANGES < names.changes_in(minute) < name
    assert minute == 0 or names.change(minute - 1, "f" * 64) < names.changes_in(minute)
    names.require_object(Bucket.RECORDS, name)
    names.require_discardable(name)


@given(case=CASES, share=CASES)
def test_share_goes_round(case: str, share: str) -> None:
    name = names.share(case, share)
    assert names.parse_share(name) == names.ShareName(case=case, share=share)
    assert name.startswith(names.shares(case))
    names.require_object(Bucket.RECORDS, name)


@given(case=CASES, upload=UPLOADS, number=st.integers(1, 10_000), seconds=st.integers(0, 10**11))
def test_payload_and_what_belongs_to_it_go_round(case: str, upload: str, number: int, seconds: int) -> None:
    name = names.payload(case, upload)
    place = names.PayloadName(case=case, upload=upload)
    assert names.parse_payload(name) == names.parse_upload_plan(names.upload_plan(name)) == place
    assert name.startswith(names.payloads(case))
    folder, last = names.part(name, number).rsplit("/", 1)
    assert folder == names.part_folder(name)
    assert (names.parse_part_folder(folder.removeprefix(names.PARTS)), names.parse_part(last)) == (
        place,
        number,
    )
    until = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    folder, last = names.retention(name, until).rsplit("/", 1)
    assert folder == names.retention_folder(name)
    assert names.parse_retention(last) == until
    for known in (name, names.upload_plan(name), names.upload_stored(name)):
        names.require_object(Bucket.RECORDS, known)


@given(case=CASES, card=ids(64), upload=UPLOADS)
def test_who_announced_an_upload_goes_round(case: str, card: str, upload: str) -> None:
    name = names.staged(case, card, upload)
    assert names.parse_staged(name) == names.PayloadName(case=case, upload=upload)
    assert name.startswith(names.staged_by(case, card))
    names.require_object(Bucket.RECORDS, name)


@given(case=CASES, form=ids(16), number=st.integers(0, names.MAX_ENTRY))
def test_snapshot_goes_round(case: str, form: str, number: int) -> None:
    name = names.snapshot(case, form, number)
    assert names.parse_snapshot(name) == names.SnapshotName(case=case, form=form, number=number)
    assert name.startswith(names.snapshots_of(case, form))
    assert name.startswith(names.snapshots(case))
    names.require_object(Bucket.RECORDS, name)
    names.require_discardable(name)


@given(case=CASES, numbers=st.lists(st.integers(0, names.MAX_ENTRY)))
def test_names_of_entries_sort_like_numbers(case: str, numbers: list[int]) -> None:
    assert sorted(names.entry(case, number) for number in numbers) == [
        names.entry(case, number) for number in sorted(numbers)
    ]


@pytest.mark.parametrize("file", [names.part, names.retention])
def test_working_file_is_no_object(file: Callable[..., str]) -> None:
    name = names.payload("0" * 64, "0" * 32)
    working = file(name, 1) if file is names.part else file(name, datetime(2090, 1, 1, tzinfo=UTC))
    for bucket in Bucket:
        assert not names.is_object(bucket, working)


@given(st.text())
def test_no_text_makes_a_name_that_leaves_its_folder(text: str) -> None:
    for bucket in Bucket:
        if names.is_object(bucket, text):
            assert not {".", "..", ""} & set(text.split("/"))
    if names.is_prefix(text):
        assert not {".", "..", ""} & set(text.split("/")[:-1])


def test_every_folder_in_which_a_name_lies_is_one_and_no_other_is() -> None:
    upload = names.payload("ab" * 32, "cd" * 16)
    for bucket, name in (
        (Bucket.LEDGER, names.entry("ab" * 32, 7)),
        (Bucket.LEDGER, names.card_index("cd" * 32, "ab" * 32)),
        (Bucket.RECORDS, upload),
        (Bucket.RECORDS, names.upload_stored(upload)),
        (Bucket.RECORDS, names.part(upload, 1)),
        (Bucket.RECORDS, names.retention(upload, datetime(2030, 1, 1, tzinfo=UTC))),
        (Bucket.PUBLIC, names.released("ab" * 32, "cd" * 32, names.Released.BUNDLE)),
    ):
        *folders, _ = name.split("/")
        for depth in range(1, len(folders) + 1):
            assert names.is_folder(bucket, "/".join(folders[:depth]) + "/")
        assert not names.is_folder(bucket, name + "/")
        assert not names.is_folder(bucket, "x/" + name)
    assert not names.is_folder(Bucket.LEDGER, "payloads/")
    assert not names.is_folder(Bucket.PUBLIC, "")


def test_working_file_is_no_object_and_an_object_no_working_file() -> None:
    upload = names.payload("ab" * 32, "cd" * 16)
    part = names.part(upload, 1)
    assert (names.is_working_file(Bucket.RECORDS, part), names.is_object(Bucket.RECORDS, part)) == (
        True,
        False,
    )
    assert not names.is_working_file(Bucket.RECORDS, upload)
    assert not names.is_working_file(Bucket.LEDGER, part)
    assert not names.is_working_file(Bucket.RECORDS, part + "x")
