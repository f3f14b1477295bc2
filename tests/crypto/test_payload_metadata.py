"""Title, file name, media type, true length: strict both ways, one size for all, bound to key and record."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.crypto import aead, metadata
from escrow.crypto.metadata import Metadata, open_metadata, seal_metadata
from escrow.crypto.transcript import Label, kdf
from escrow.errors import EscrowError, ForgedError, MalformedError, TooLargeError

K, R = bytes(range(32)), bytes(32)
GOOD = Metadata(title="Offer, 2nd round", filename="offer.pdf", media_type="application/pdf", length=7)


def sealed_by_hand(raw: bytes) -> bytes:
    """As an author without our program would: any bytes under the right key."""
    return aead.seal_random(kdf(Label.METADATA_KEY, K, b"escrow.metadata.v1"), raw, R)


def refused(kind: type[EscrowError], code: str, field: str, **changes: object) -> None:
    with pytest.raises(kind) as caught:
        replace(GOOD, **changes)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.fields["field"]) == (code, field)


def refused_text(text: str) -> None:
    raw = text.encode().ljust(metadata.METADATA_BYTES)
    with pytest.raises(MalformedError) as caught:
        open_metadata(K, R, sealed_by_hand(raw))
    assert caught.value.code == "metadata_malformed"


@pytest.mark.parametrize("at", [0, 23, 24, 500, -1])
def test_changed_metadata_is_refused(at: int) -> None:
    raw = bytearray(seal_metadata(K, R, GOOD))
    raw[at] ^= 1
    with pytest.raises(ForgedError) as caught:
        open_metadata(K, R, bytes(raw))
    assert caught.value.code == "metadata_false"


def test_metadata_of_another_record_is_refused() -> None:
    for key, r in ((bytes(32), R), (K, bytes([1]) * 32)):
        with pytest.raises(ForgedError) as caught:
            open_metadata(key, r, seal_metadata(K, R, GOOD))
        assert caught.value.code == "metadata_false"


@pytest.mark.parametrize(
    "size", [0, 39, metadata.SEALED_METADATA_BYTES - 1, metadata.SEALED_METADATA_BYTES + 1]
)
def test_metadata_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        open_metadata(K, R, seal_metadata(K, R, GOOD).ljust(size, b"\0")[:size])
    assert caught.value.code == "metadata_length"


@pytest.mark.parametrize(
    "name",
    [
        "../offer.pdf",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "C:\\offer.pdf",
        "D:evil.exe",
        "report.pdf:hidden.exe",
        ".",
        "..",
        ".bashrc",
    ],
)
def test_file_name_that_leaves_its_folder_is_refused(name: str) -> None:
    refused(MalformedError, "filename_not_bare", "filename", filename=name)


@pytest.mark.parametrize(
    "name",
    [
        *("CON", "con", "NUL.txt", "nul .txt", "Aux.tar.gz", "PRN", "COM1.pdf", "com\xb9", "LPT9", "CONOUT$"),
        *("evil.exe. ", "evil.exe.", "a.pdf ", " a.pdf", "\u00a0a.pdf", "a.pdf\u3000"),
        *("-rf", "~root", "a<b", "a>b", 'a"b', "a|b", "a?", "*"),
    ],
    ids=ascii,
)
def test_file_name_that_some_system_keeps_under_another_or_runs_is_refused(name: str) -> None:
    refused(MalformedError, "filename_not_portable", "filename", filename=name)


@pytest.mark.parametrize(
    "name",
    [
        "a\u200b.pdf",
        "invoice\u200f\u061cfdp.exe",
        "x\ufeff",
        "a\u00adb",
        "a\u2060",
        "a\ue000b",
        "a\U000e0041",
    ],
    ids=ascii,
)
def test_file_name_with_invisible_characters_is_refused(name: str) -> None:
    refused(MalformedError, "metadata_unprintable", "filename", filename=name)


@pytest.mark.parametrize(
    "name",
    [
        *("Contract.pdf", "console.log", "com10.pdf", "nullable.txt", "auxiliary", "a - b ~ c.pdf", "a..b"),
        *(
            "عرض التسوية.pdf",
            "پیشنهاد\u200cها.pdf",
            "和解案.docx",
            "é'; $(x) & #1 [a] {b}.pdf",
            "👩\u200d⚖️.png",
        ),
    ],
    ids=ascii,
)
def test_file_names_that_people_use_are_welcome(name: str) -> None:
    assert open_metadata(K, R, seal_metadata(K, R, replace(GOOD, filename=name))).filename == name


@pytest.mark.parametrize(
    "text", ["a\nb", "a\0", "\x1b[2J", "a\x7f", "a\x9bb", "a\u2028b", "fdp.\u202eexe", "\u2066a", "\ud800"]
)
@pytest.mark.parametrize("field", ["title", "filename"])
def test_characters_that_fool_a_screen_are_refused(field: str, text: str) -> None:
    refused(MalformedError, "metadata_unprintable", field, **{field: text})


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "é" * 257), ("filename", "é" * 128), ("media_type", "a/" + "b" * 254), ("length", 2**49 + 1)],
)
def test_oversized_field_is_refused(field: str, value: object) -> None:
    refused(TooLargeError, "metadata_too_large", field, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", None),
        ("filename", ""),
        ("filename", 7),
        ("media_type", ""),
        ("media_type", "pdf"),
        ("media_type", "Application/PDF"),
        ("media_type", "text/plain; charset=utf-8"),
        ("media_type", "text/plain\n"),
        ("length", -1),
        ("length", True),
        ("length", 7.0),
        ("length", "7"),
    ],
)
def test_field_of_another_form_is_refused(field: str, value: object) -> None:
    refused(
        MalformedError,
        "metadata_unprintable" if value == "text/plain\n" else "metadata_malformed",
        field,
        **{field: value},
    )


GOOD_TEXT = GOOD.emit().decode().rstrip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 2000,
        GOOD_TEXT + "x",
        " " + GOOD_TEXT,
        GOOD_TEXT.replace(":7", ": 7"),
        GOOD_TEXT.replace(":7", ":7.0"),
        GOOD_TEXT.replace(":7", ":NaN"),
        GOOD_TEXT.replace(":7", ":07"),
        GOOD_TEXT.replace(":7", ':7,"length":7'),
        GOOD_TEXT.replace(":7", ':7,"more":1'),
        GOOD_TEXT.replace('"length":7,', ""),
        GOOD_TEXT.replace("Offer", "\\u004fffer"),
        json.dumps({"title": "T", "filename": "f", "media_type": "a/b", "length": 7}, separators=(",", ":")),
    ],
    ids=range(16),
)
def test_json_that_we_would_not_have_written_is_refused(text: str) -> None:
    assert text != GOOD_TEXT
    refused_text(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(MalformedError):
        open_metadata(K, R, sealed_by_hand(b"\xff" * metadata.METADATA_BYTES))


def test_bad_fields_are_refused_at_opening_too() -> None:
    raw = GOOD_TEXT.replace("offer.pdf", "../offer.pdf").encode().ljust(metadata.METADATA_BYTES)
    with pytest.raises(MalformedError) as caught:
        open_metadata(K, R, sealed_by_hand(raw))
    assert caught.value.code == "filename_not_bare"


def test_title_and_file_name_stay_out_of_logs() -> None:
    assert "Offer" not in repr(GOOD)
    assert "offer" not in repr(GOOD)


words = st.text(
    st.characters(
        blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Cf", "Co"), blacklist_characters='/\\.:<>"|?*-~'
    ),
    min_size=1,
    max_size=60,
).filter(lambda text: text == text.strip() and text.casefold() not in ("con", "prn", "aux", "nul"))


@given(title=words, filename=words, length=st.integers(0, 2**49))
def test_round_trip_in_one_size_for_all(title: str, filename: str, length: int) -> None:
    given_ = Metadata(title=title, filename=filename, media_type="text/plain", length=length)
    sealed = seal_metadata(K, R, given_)
    assert len(sealed) == metadata.SEALED_METADATA_BYTES
    assert open_metadata(K, R, sealed) == given_


def test_longest_of_everything_fits_the_one_size() -> None:
    longest = Metadata(title='"' * 512, filename="f" * 255, media_type="a/" + "b" * 253, length=2**49)
    assert len(longest.emit()) == metadata.METADATA_BYTES
    assert open_metadata(K, R, seal_metadata(K, R, longest)) == longest


@pytest.mark.parametrize("title", ["عرض التسوية", "پیشنهاد\u200cها", "和解案", "Ωμέγα \u200fא"])
def test_titles_of_every_script_are_welcome(title: str) -> None:
    assert open_metadata(K, R, seal_metadata(K, R, replace(GOOD, title=title))).title == title
