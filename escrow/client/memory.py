"""What a party remembers between runs: pinned services, and of each case its verified entries, receipts and
key.

A folder of small files that are created once and never changed (home.py), so that several programs of one
party may share it. What lies here was verified when it was written:

    services/...                          services' URLs and cards (pins.py)
    cases/<case>/entries/<n>              entries from n on in compact form, one a line
    cases/<case>/receipts/<n>             a receipt of one's own: entry n, until the chain showed it
    cases/<case>/key                      the case key
    deposits/<record>/{sealed,posting}    a deposit between sealing and receipt: ciphertext and statement
    aside/, locks/                        files being written; who is writing

Neither identity nor record key is ever here. Lost, all but the memory of heads seen before is rebuilt from
the service. What the disk refuses is SetupError `memory_unusable`.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from escrow.client.disk import renamed
from escrow.client.pins import Pins
from escrow.client.posting import Receipt
from escrow.errors import ForgedError, MalformedError, SetupError
from escrow.ledger.entry import Entry
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.case_key import CaseKey
from escrow.model.charter import Service
from escrow.model.deeds import CaseOpened
from escrow.model.ids import CASE_BYTES, RECORD_BYTES, CaseId, Hash, RecordId
from escrow.model.wire import check_hex, from_base64, to_base64


class Memory(Pins):
    """`Memory(home)`: the folder is made when first written to. Private: it holds case keys."""

    # Cases

    def cases(self) -> tuple[CaseId, ...]:
        """Cases whose chain was seen."""
        return tuple(case for case in self._folders("cases", CASE_BYTES) if self._entries(case, 0).exists())

    def entries(self, case: CaseId, first: int = 0) -> list[str]:
        """Entries from `first` on, as far as they are remembered without a gap."""
        found = self._kept_from(case, first)
        while (raw := self._files.read(self._entries(case, first + len(found)))) is not None:
            found += _lines(raw)
        return found

    def remember_entries(self, case: CaseId, first: int, raws: Sequence[str]) -> None:
        """Keep verified entries from number `first` on, all before which are kept already.

        One program at a time, and what another has kept meanwhile is compared, never replaced: ForgedError
        `ledger_forked` (n) if it kept another entry of some number; then nothing of `raws` from n on is kept.
        """
        if not raws:
            return
        with self._files.locked(case):
            while raws:
                kept = self.entries(case, first)
                kept = kept or _lines(
                    self._files.create(self._entries(case, first), "\n".join(raws).encode())
                )
                for n, (mine, theirs) in enumerate(zip(raws, kept, strict=False), start=first):
                    _require_same(mine, theirs, n)
                first, raws = first + len(kept), raws[len(kept) :]

    def _kept_from(self, case: CaseId, first: int) -> list[str]:
        """Entries from `first` to the end of the file that holds it: another program may have split them
        otherwise.
        """
        folder = self._entries(case, 0).parent
        starts = [int(name) for name in self._files.names(folder) if name.isdecimal()]
        start = max((start for start in starts if start <= first), default=first)
        raw = self._files.read(self._entries(case, start))
        return [] if raw is None else _lines(raw)[first - start :]

    def service_of(self, case: CaseId) -> Service | None:
        """The service as the case's opening charter pins it; None where the case was never seen."""
        raw = self._files.read(self._entries(case, 0))
        if raw is None:
            return None
        entry = Entry.read_opening(_lines(raw)[0])
        deed = UnverifiedStatement.parse(entry.statement_raw).verify_opening().deed
        return deed.charter.service if isinstance(deed, CaseOpened) else None

    def remember_receipt(self, receipt: Receipt) -> None:
        """Hold the service to its word: the chain must show this very entry (rule F5)."""
        kept = self._files.create(self._receipt(receipt.case, receipt.n), receipt.entry.encode())
        _require_same(kept.decode("ascii", "replace"), receipt.entry, receipt.n)

    def receipts(self, case: CaseId) -> dict[int, str]:
        """Receipts that the chain has not shown yet, by entry number."""
        folder = self.home / "cases" / case / "receipts"
        names = self._files.names(folder)
        raws = {int(name): self._files.read(folder / name) for name in names if name.isdecimal()}
        return {n: raw.decode("ascii", "replace") for n, raw in raws.items() if raw is not None}

    def settle_receipt(self, case: CaseId, n: int) -> None:
        """The chain showed it."""
        with renamed("memory_unusable"):
            self._receipt(case, n).unlink(missing_ok=True)

    def case_key(self, case: CaseId) -> CaseKey | None:
        """None where it was never remembered: recovered or joined anew by whoever asks."""
        raw = self._files.read(self.home / "cases" / case / "key")
        return (
            None
            if raw is None
            else CaseKey(raw=from_base64(raw.decode("ascii", "replace"), field="case_key"))
        )

    def remember_case_key(self, case: CaseId, key: CaseKey) -> None:
        """Keep it. Callers have checked it against the charter's hash, so there is only one."""
        self._files.create(self.home / "cases" / case / "key", to_base64(key.encode()).encode())

    # References

    def referring(self, reference: Hash) -> AbstractContextManager[None]:
        """Alone with this reference among the programs of this home."""
        return self._files.locked(reference)

    def opening(self, reference: Hash) -> bytes | None:
        """The signed opening that waits for this reference, as `Posting.load` reads it."""
        return self._files.read(self._reference(reference) / "opening")

    def remember_opening(self, reference: Hash, raw: bytes) -> bytes:
        """Let it wait; what waits then, for another program may have been first."""
        return self._files.create(self._reference(reference) / "opening", raw)

    def forget_opening(self, reference: Hash) -> None:
        """It was settled, or refused for good."""
        with renamed("memory_unusable"):
            (self._reference(reference) / "opening").unlink(missing_ok=True)

    def case_called(self, reference: Hash) -> CaseId | None:
        """The case to which the reference was given, once that is settled."""
        raw = self._files.read(self._reference(reference) / "case")
        text = None if raw is None else raw.decode("ascii", "replace")
        return None if text is None else check_hex(text, size=CASE_BYTES, field="references")

    def settle_reference(self, reference: Hash, case: CaseId) -> None:
        """It is given, and nothing waits any more."""
        self._files.create(self._reference(reference) / "case", case.encode())
        self.forget_opening(reference)

    # Deposits

    def deposits(self) -> tuple[RecordId, ...]:
        """Records sealed here and not yet receipted."""
        found = self._folders("deposits", RECORD_BYTES)
        return tuple(record for record in found if (self._deposit(record) / "posting").exists())

    @contextmanager
    def sealing(self, record: RecordId) -> Iterator[Path]:
        """The folder of a new deposit, this program's alone until its posting is remembered.

        First what killed programs left is cleared away: ciphertext without a posting, whose key is lost.
        """
        self._files.sweep()
        for name in tuple(self._folders("deposits", RECORD_BYTES)):
            if self._files.is_abandoned(name) and not (self._deposit(name) / "posting").exists():
                self.forget_deposit(name)
        with self._files.locked(record):
            yield self.deposit_folder(record)

    def deposit_folder(self, record: RecordId) -> Path:
        """Where the files of an unfinished deposit go; it is there after this call."""
        with renamed("memory_unusable"):
            self._files.make(self._deposit(record))
        return self._deposit(record)

    def remember_posting(self, record: RecordId, raw: bytes) -> None:
        """From here on the deposit is sent again until it has its receipt."""
        self._files.create(self._deposit(record) / "posting", raw)

    def posting(self, record: RecordId) -> bytes:
        """SetupError `deposit_unknown`."""
        raw = self._files.read(self._deposit(record) / "posting")
        if raw is None:
            raise SetupError("deposit_unknown", record=record)
        return raw

    def forget_deposit(self, record: RecordId) -> None:
        """It has its receipt, or was given up."""
        with renamed("memory_unusable"):
            shutil.rmtree(self._deposit(record), ignore_errors=True)
        self._files.drop_lock(record)

    # Files

    def _entries(self, case: CaseId, first: int) -> Path:
        return self.home / "cases" / case / "entries" / f"{first:09d}"

    def _receipt(self, case: CaseId, n: int) -> Path:
        return self.home / "cases" / case / "receipts" / f"{n:09d}"

    def _reference(self, reference: Hash) -> Path:
        return self.home / "references" / reference

    def _deposit(self, record: RecordId) -> Path:
        return self.home / "deposits" / record

    def _folders(self, kind: str, size: int) -> Iterator[str]:
        for name in self._files.names(self.home / kind):
            try:
                yield check_hex(name, size=size, field=kind)
            except MalformedError:
                continue  # somebody else's file


def _lines(raw: bytes) -> list[str]:
    return raw.decode("ascii", "replace").split("\n")


def _require_same(kept: str, shown: str, n: int) -> None:
    """Two entries of one number are one entry, whatever their signatures; else the service has signed two
    chains.
    """
    if kept.rpartition(".")[0] != shown.rpartition(".")[0]:
        raise ForgedError("ledger_forked", n=n)
