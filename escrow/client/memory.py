"""What a party remembers between runs: pinned services, and of each case its verified entries, receipts and
key.

A folder of small files that are created once and never changed (0600, folders 0700), so that two programs may
share it without a lock. What lies here was verified when it was written:

    services/<sha256 of URL>             a service's URL and card
    cases/<case>/entries/<n>             entries from n on in compact form, one a line
    cases/<case>/receipts/<n>            a receipt of one's own: entry n, until the chain has been read that
    far cases/<case>/key                     the case key deposits/<record>/{sealed,posting}   a deposit
    between sealing and receipt: ciphertext and statement

Neither identity nor record key is ever here. Lost, all but the memory of heads seen before is rebuilt from
the service. What the disk refuses is SetupError `memory_unusable`.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from escrow.client.disk import renamed
from escrow.client.posting import Receipt
from escrow.crypto.card import Card
from escrow.errors import ForgedError, MalformedError, SetupError
from escrow.ledger.entry import Entry
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.case_key import CaseKey
from escrow.model.charter import MAX_URL, Service
from escrow.model.deeds import CaseOpened
from escrow.model.ids import CASE_BYTES, RECORD_BYTES, CaseId, RecordId
from escrow.model.path import MAX_CARD_TEXT
from escrow.model.wire import Fields, check_hex, decode_json, encode_json, from_base64, to_base64


class Memory:
    """`Memory(home)`: the folder is made when first written to. Private: it holds case keys."""

    def __init__(self, home: Path) -> None:
        self.home = home

    # Services

    def pin_service(self, service: Service, *, asked: str) -> Service:
        """Pin this card for this URL, or insist that it is the one pinned before.

        `asked` is the URL that the courier speaks to. ForgedError `service_url_differs` (a service that calls
        itself otherwise would get tokens meant for another), `service_card_differs` (expected, found).
        """
        if service.url != asked:
            raise ForgedError("service_url_differs", expected=asked, found=service.url)
        raw = encode_json({"url": service.url, "card": str(service.card)})
        path = self.home / "services" / hashlib.sha256(service.url.encode()).hexdigest()
        pinned = _read_service(self._create(path, raw))
        if pinned != service:
            raise ForgedError(
                "service_card_differs",
                expected=pinned.card.fingerprint,
                found=service.card.fingerprint,
                url=service.url,
            )
        return pinned

    # Cases

    def cases(self) -> tuple[CaseId, ...]:
        """Cases whose chain was seen."""
        return tuple(case for case in self._folders("cases", CASE_BYTES) if self._entries(case, 0).exists())

    def entries(self, case: CaseId) -> list[str]:
        """Entries 0, 1, 2 ... as far as they are remembered without a gap."""
        found: list[str] = []
        while (raw := self._read(self._entries(case, len(found)))) is not None:
            found += _lines(raw)
        return found

    def remember_entries(self, case: CaseId, first: int, raws: Sequence[str]) -> None:
        """Keep verified entries from number `first` on, all before which are kept already.

        ForgedError `ledger_forked` (n) if another program has kept another entry of some number.
        """
        while raws:
            kept = self._kept_from(case, first)
            kept = kept or _lines(self._create(self._entries(case, first), "\n".join(raws).encode()))
            for n, (mine, theirs) in enumerate(zip(raws, kept, strict=False), start=first):
                _require_same(mine, theirs, n)
            first, raws = first + len(kept), raws[len(kept) :]

    def _kept_from(self, case: CaseId, first: int) -> list[str]:
        """Entries from `first` to the end of the file that holds it: another program may have split them
        otherwise.
        """
        starts = [int(name) for name in self._names(self._entries(case, 0).parent) if name.isdecimal()]
        start = max((start for start in starts if start <= first), default=first)
        raw = self._read(self._entries(case, start))
        return [] if raw is None else _lines(raw)[first - start :]

    def service_of(self, case: CaseId) -> Service | None:
        """The service that the case's charter pins; None where the case was never seen."""
        raw = self._read(self._entries(case, 0))
        if raw is None:
            return None
        entry = Entry.read_opening(_lines(raw)[0])
        deed = UnverifiedStatement.parse(entry.statement_raw).verify_opening().deed
        return deed.charter.service if isinstance(deed, CaseOpened) else None

    def remember_receipt(self, receipt: Receipt) -> None:
        """Hold the service to its word: the chain must show this very entry (rule F5)."""
        kept = self._create(self._receipt(receipt.case, receipt.n), receipt.entry.encode())
        _require_same(kept.decode("ascii", "replace"), receipt.entry, receipt.n)

    def receipts(self, case: CaseId) -> dict[int, str]:
        """Receipts that the chain has not shown yet, by entry number."""
        folder = self.home / "cases" / case / "receipts"
        names = self._names(folder)
        raws = {int(name): self._read(folder / name) for name in names if name.isdecimal()}
        return {n: raw.decode("ascii", "replace") for n, raw in raws.items() if raw is not None}

    def settle_receipt(self, case: CaseId, n: int) -> None:
        """The chain showed it."""
        with renamed("memory_unusable"):
            self._receipt(case, n).unlink(missing_ok=True)

    def case_key(self, case: CaseId) -> CaseKey | None:
        raw = self._read(self.home / "cases" / case / "key")
        return (
            None
            if raw is None
            else CaseKey(raw=from_base64(raw.decode("ascii", "replace"), field="case_key"))
        )

    def remember_case_key(self, case: CaseId, key: CaseKey) -> None:
        """Keep it. Callers have checked it against the charter's hash, so there is only one."""
        self._create(self.home / "cases" / case / "key", to_base64(key.raw).encode())

    # Deposits

    def deposits(self) -> tuple[RecordId, ...]:
        """Records sealed here and not yet receipted."""
        found = self._folders("deposits", RECORD_BYTES)
        return tuple(record for record in found if (self._deposit(record) / "posting").exists())

    def deposit_folder(self, record: RecordId) -> Path:
        """Where the files of an unfinished deposit go; it is there after this call."""
        with renamed("memory_unusable"):
            self._make(self._deposit(record))
        return self._deposit(record)

    def remember_posting(self, record: RecordId, raw: bytes) -> None:
        self._create(self._deposit(record) / "posting", raw)

    def posting(self, record: RecordId) -> bytes:
        """SetupError `deposit_unknown`."""
        raw = self._read(self._deposit(record) / "posting")
        if raw is None:
            raise SetupError("deposit_unknown", record=record)
        return raw

    def forget_deposit(self, record: RecordId) -> None:
        """It has its receipt, or was given up."""
        with renamed("memory_unusable"):
            shutil.rmtree(self._deposit(record), ignore_errors=True)

    # Files

    def _entries(self, case: CaseId, first: int) -> Path:
        return self.home / "cases" / case / "entries" / f"{first:09d}"

    def _receipt(self, case: CaseId, n: int) -> Path:
        return self.home / "cases" / case / "receipts" / f"{n:09d}"

    def _deposit(self, record: RecordId) -> Path:
        return self.home / "deposits" / record

    def _folders(self, kind: str, size: int) -> Iterator[str]:
        for name in self._names(self.home / kind):
            try:
                yield check_hex(name, size=size, field=kind)
            except MalformedError:
                continue  # somebody else's file

    def _names(self, folder: Path) -> list[str]:
        with renamed("memory_unusable"):
            return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def _read(self, path: Path) -> bytes | None:
        with renamed("memory_unusable"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def _make(self, folder: Path) -> None:
        """A folder and those above it, home included, each its owner's alone."""
        if not folder.is_dir():
            if folder != self.home:
                self._make(folder.parent)
            folder.mkdir(mode=0o700, parents=folder == self.home, exist_ok=True)

    def _create(self, path: Path, raw: bytes) -> bytes:
        """Create a file whole or not at all, and give what lies there: `raw`, or what was there before."""
        with renamed("memory_unusable"):
            self._make(path.parent)
            aside = path.parent / f".{path.name}.{secrets.token_hex(8)}"
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(aside, path)
            except FileExistsError:
                return path.read_bytes()
            finally:
                aside.unlink(missing_ok=True)
        return raw


def _lines(raw: bytes) -> list[str]:
    return raw.decode("ascii", "replace").split("\n")


def _require_same(kept: str, shown: str, n: int) -> None:
    """Two entries of one number are one entry, whatever their signatures; else the service has signed two
    chains.
    """
    if kept.rpartition(".")[0] != shown.rpartition(".")[0]:
        raise ForgedError("ledger_forked", n=n)


def _read_service(raw: bytes) -> Service:
    fields = Fields(decode_json(raw, limit=2 * MAX_URL, field="services"), at="services")
    card = Card.parse(fields.text("card", limit=MAX_CARD_TEXT))
    url = fields.text("url", limit=MAX_URL)
    fields.done()
    return Service(url=url, card=card)
