"""What every store must do with what is released to everybody: once, whole, and never changed after."""

import secrets
from collections.abc import Iterator

import pytest
from store.contract import CASE, JUNK_NAMES, refused
from store.racing import Tools, in_threads

from escrow.errors import MalformedError, NotFoundError
from escrow.store import names
from escrow.store.interface import MIB, Publisher
from escrow.store.names import Released

SHORT = 3 * MIB
LONG = 16 * MIB + 1000
"""More than S3 is given in one put."""


class BrokenError(Exception):
    """What a source of bytes raises."""


def pieces(byte: int, length: int) -> Iterator[bytes]:
    """So many equal bytes, in chunks of which none is as long as a part."""
    for start in range(0, length, MIB):
        yield bytes([byte]) * min(MIB, length - start)


def whole(publisher: Publisher, name: str) -> bytes:
    return b"".join(publisher.published(name))


class PublisherContract:
    """Documents in the public bucket."""

    @pytest.fixture
    def publisher(self, tools: Tools) -> Publisher:
        return tools("release").publisher

    @pytest.fixture
    def name(self) -> str:
        """One that nothing was published under."""
        return names.released(CASE, secrets.token_hex(32), Released.DOCUMENT)

    @pytest.fixture(params=("empty", "short", "long"))
    def length(self, request: pytest.FixtureRequest) -> int:
        return {"empty": 0, "short": SHORT, "long": LONG}[request.param]

    def test_second_publisher_is_told_so_and_first_bytes_stay(
        self, publisher: Publisher, tools: Tools, name: str, length: int
    ) -> None:
        assert publisher.publish(name, pieces(1, length), length=length)
        first = publisher.published_length(name)
        for byte, other in ((1, length), (2, length), (2, length + 1), (2, 5)):
            later = tools("release").publisher
            assert not later.publish(name, pieces(byte, other), length=other)
        assert first == length
        assert whole(publisher, name) == b"\1" * length

    @pytest.mark.parametrize("come", [-1, 1, MIB])
    def test_document_of_another_length_than_said_is_refused_and_nothing_counts(
        self, publisher: Publisher, name: str, length: int, come: int
    ) -> None:
        data = pieces(1, max(length + come, 0)) if length else pieces(1, abs(come))
        refused(
            MalformedError,
            "payload_length_out_of_range",
            lambda: publisher.publish(name, data, length=length),
        )
        refused(NotFoundError, "object_unknown", lambda: publisher.published_length(name))
        refused(NotFoundError, "object_unknown", lambda: publisher.published(name))

    def test_document_whose_source_breaks_off_does_not_count_and_may_come_again(
        self, publisher: Publisher, name: str, length: int
    ) -> None:
        def broken() -> Iterator[bytes]:
            yield from pieces(2, length)
            raise BrokenError

        with pytest.raises(BrokenError):
            publisher.publish(name, broken(), length=length)
        refused(NotFoundError, "object_unknown", lambda: publisher.published_length(name))
        assert publisher.publish(name, pieces(1, length), length=length)
        assert whole(publisher, name) == b"\1" * length

    def test_reader_sees_nothing_of_a_document_that_is_still_coming(
        self, publisher: Publisher, name: str, length: int
    ) -> None:
        def watched() -> Iterator[bytes]:
            for chunk in pieces(1, length):
                refused(NotFoundError, "object_unknown", lambda: publisher.published_length(name))
                yield chunk

        assert publisher.publish(name, watched(), length=length)

    @pytest.mark.parametrize("same", [False, True])
    def test_of_racing_publishers_one_is_told_that_it_is_new(
        self, tools: Tools, name: str, length: int, same: bool
    ) -> None:
        racers = [tools("release").publisher for _ in range(3)]

        def race(who: int) -> bool:
            return racers[who].publish(name, pieces(7 if same else who, length), length=length)

        told = in_threads(race, len(racers))
        assert told.count(True) == 1
        winner = 7 if same else told.index(True)
        assert whole(racers[0], name) == bytes([winner]) * length

    def test_short_and_long_document_that_race_have_one_winner(self, tools: Tools, name: str) -> None:
        lengths = (SHORT, LONG)
        racers = [tools("release").publisher for _ in lengths]
        told = in_threads(
            lambda who: racers[who].publish(name, pieces(who, lengths[who]), length=lengths[who]), 2
        )
        assert sorted(told) == [False, True]
        winner = told.index(True)
        assert whole(racers[0], name) == bytes([winner]) * lengths[winner]

    @pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 0), (MIB - 1, MIB + 1), (7, SHORT)])
    def test_range_of_a_document(self, publisher: Publisher, name: str, start: int, stop: int | None) -> None:
        data = secrets.token_bytes(SHORT)
        publisher.publish(name, iter((data,)), length=SHORT)
        assert b"".join(publisher.published(name, start=start, stop=stop)) == data[start:stop]

    def test_range_outside_a_document_is_refused_at_once(self, publisher: Publisher, name: str) -> None:
        publisher.publish(name, iter((b"12345",)), length=5)
        refused(MalformedError, "range_out_of_bounds", lambda: publisher.published(name, stop=6))

    def test_name_that_is_none_of_a_release_is_refused(self, publisher: Publisher) -> None:
        for junk in (*JUNK_NAMES, names.CANARY, names.RELEASES_CANARY, names.entry(CASE, 0)):
            for deed in (
                lambda junk=junk: publisher.publish(junk, iter(()), length=0),
                lambda junk=junk: publisher.published(junk),
                lambda junk=junk: publisher.published_length(junk),
            ):
                refused(MalformedError, "object_name_malformed", deed)
