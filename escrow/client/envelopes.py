"""A party's own envelopes: opened alone, the moment the record is there, by nobody's leave."""

from collections.abc import Iterator
from functools import lru_cache

from escrow.client.following import KnownCase
from escrow.crypto.identity import Identity
from escrow.crypto.sealing import check_envelope
from escrow.crypto.seat_keys import SeatKeys
from escrow.errors import ForgedError
from escrow.ledger.state import PathState, RecordState


class OwnEnvelopes:
    """Envelopes of one case for the seats that this identity holds in its records, as sealed."""

    def __init__(self, identity: Identity, known: KnownCase) -> None:
        self._fingerprint = identity.card.fingerprint
        self._state = known.state
        self._keys = lru_cache(maxsize=None)(lambda seat: identity.seat_keys(known.case, seat))

    def keys(self, seat: str) -> SeatKeys:
        """This party's keys for a seat."""
        return self._keys(seat)

    def seats(self, path: PathState) -> tuple[str, ...]:
        """The seats of a path that this party held when the record was sealed."""
        return tuple(seat.seat for seat in path.seats if seat.fingerprint == self._fingerprint)

    def content(self, path: PathState, seat: str) -> bytes | None:
        """p, or None where the envelope does not hold what the record promises."""
        index = next(i for i, public in enumerate(path.seats) if public.seat == seat)
        try:
            return check_envelope(path.context, path.record_path.sealed, index, seat, self.keys(seat).kem)
        except ForgedError:
            return None

    def bad(self) -> Iterator[tuple[RecordState, PathState, str]]:
        """Every envelope of one's own that is bad."""
        for record in self._state.records.values():
            for path in record.paths.values():
                for seat in self.seats(path):
                    if self.content(path, seat) is None:
                        yield record, path, seat


def is_reported(record: RecordState, path: str, seat: str) -> bool:
    """Whether the ledger has this seat's report. Not a verdict on the envelope."""
    return any((path, seat) == report[:2] for report in record.reports)
