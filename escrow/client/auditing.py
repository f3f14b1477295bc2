"""Audit a case through the client: the whole chain anew from the opening, every proof, share object and
payload, against all that this party knows of it.

What anybody can check is checked by escrow/ledger/audit.py. What only this party can is added here: its
receipts, and the envelopes that are for its own seats. The service only carries.
"""

from collections.abc import Iterator
from dataclasses import replace

from escrow.client.desk import Desk
from escrow.client.downloading import PayloadReader
from escrow.client.envelopes import OwnEnvelopes
from escrow.client.following import KnownCase, require_kept_at, settle_service
from escrow.client.progress import Progress, Stage, silent
from escrow.crypto.transcript import Sha256
from escrow.errors import EscrowError, ForgedError, NotFoundError, RefusedError
from escrow.ledger.audit import AuditReport, Fault, audit
from escrow.ledger.replay import extend
from escrow.ledger.signer import read_any
from escrow.ledger.state import CaseState, RecordState
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId, Hash

CHUNK = 1024 * 1024
MAX_REFUSED = 1000
"""Entries that do not hold, after which nobody wants to hear of more: a service could send them for ever."""


class AuditVerbs(Desk):
    """See the verb."""

    def audit(self, case: CaseId, *, payloads: bool = False, progress: Progress = silent) -> AuditReport:
        """Fetch everything anew and check it, remembered entries included; it does not stop at the first
        fault.

        `payloads`: download and hash those too, of records that this party may fetch. Share objects are
        looked at once their request is released. Beyond the ledger's own faults: `ledger_rolled_back` and
        `ledger_forked` for a receipt of this party that the chain does not bear out, `envelope_false` for an
        envelope of its own (party: the depositor), `audit_cut_short` where it gave up on endless bad entries.

        A case without a fault is remembered as by any other look, so that it cannot be rolled back later;
        ForgedError `service_card_differs`, `service_url_differs` where another service is pinned here;
        SetupError `case_at_another_address`.
        """

        def share(shares: Hash) -> bytes | None:
            try:
                return self.courier.share(case, shares)
            except NotFoundError:
                return None

        def payload(record: RecordState) -> tuple[str, int] | None:
            return self._digest(case, record, progress)

        sight, remembered = _Sight(self.memory.receipts(case)), self._remembered_head(case)
        report = audit(
            self._entries(case, sight),
            share,
            payload if payloads else None,
            case=case,
            known=remembered,
            released_only=True,
        )
        if report.case is None or sight.state is None:
            return replace(report, remembered_head=remembered)
        faults = (*report.faults, *self._own_faults(sight, sight.state, report.faults))
        if not faults:
            self._remember(sight.state, sight.raws)
        return replace(report, faults=faults, remembered_head=remembered)

    def _own_faults(self, sight: "_Sight", state: CaseState, found: tuple[Fault, ...]) -> Iterator[Fault]:
        """What only this party can add, and has not been said already."""
        said = {(fault.code, fault.n) for fault in found}
        yield from (one for one in self._own_receipts(sight, state) if (one.code, one.n) not in said)
        yield from self._own_envelopes(state)
        yield from sight.cut_short()

    def _remember(self, state: CaseState, raws: list[str]) -> None:
        """Rule A4, in the order of F3 and F4: every entry was just verified with all proofs."""
        settle_service(self.memory, state, asked=self.courier.url)
        self.memory.remember_entries(state.case, 0, raws)

    def _entries(self, case: CaseId, sight: "_Sight") -> Iterator[str]:
        """All entries, in the order and number in which the service gives them, while there is hope."""
        after = -1
        while True:
            page = self.courier.entries(case, after=after)
            for raw in page.entries:
                yield raw
                sight.take(raw)
                if sight.hopeless:
                    return
            after += len(page.entries)
            if not page.more or not page.entries:
                return

    def _remembered_head(self, case: CaseId) -> Head | None:
        """Of the last entry that was ever seen here."""
        seen = self._follower.recall(case)
        require_kept_at(self.courier.url, seen)
        return None if seen is None else seen.head

    def _own_receipts(self, sight: "_Sight", state: CaseState) -> Iterator[Fault]:
        """Rule F5: every receipt of before is on the chain, at its number. One entry signed twice over is the
        service's fault; what is merely not shown may be whose it will.
        """
        for n, raw in sight.receipts.items():
            receipt = read_any(state, raw)
            found = sight.hashes.get(n)
            if found is None:
                yield Fault(code="ledger_rolled_back", n=n, party="", fields={"found": max(sight.hashes)})
            elif found != receipt.hash:
                yield Fault(code="ledger_forked", n=n, party=receipt.signer.fingerprint)

    def _own_envelopes(self, state: CaseState) -> Iterator[Fault]:
        """What only the holder of a seat can see: whether its envelope opens, so that its quorums can."""
        known = KnownCase(case=state.case, state=state, key=None)
        for record, path, seat in OwnEnvelopes(self.identity, known).bad():
            about = {"record": record.body.record, "path": path.record_path.name, "seat": seat}
            yield Fault(code="envelope_false", n=record.n, party=record.author.fingerprint, fields=about)

    def _digest(self, case: CaseId, record: RecordState, progress: Progress) -> tuple[str, int] | None:
        digest, length, total = Sha256(), 0, record.body.payload.length
        try:
            with PayloadReader(self.courier, case, record.body.record, total) as reader:
                while piece := reader.read(CHUNK):
                    digest.update(piece)
                    length += len(piece)
                    progress(Stage.OPEN, length, total)
        except (NotFoundError, RefusedError, ForgedError):
            return None
        return digest.digest().hex(), length


class _Sight:
    """What of the chain holds, beside the auditor: it names the faults, this only leaves them out.

    `receipts`: those that were held before the service was asked.

    Proofs are the auditor's business; `hashes` are those of all entries that the service signed, `raws` those
    that hold.
    """

    def __init__(self, receipts: dict[int, str]) -> None:
        self.receipts = receipts
        self.state: CaseState | None = None
        self.hashes: dict[int, Hash] = {}
        self.raws: list[str] = []
        self._refused = 0

    @property
    def hopeless(self) -> bool:
        return self.state is None or self._refused >= MAX_REFUSED

    def take(self, raw: str) -> None:
        try:
            if self.state is not None:
                entry = read_any(self.state, raw)
                self.hashes.setdefault(entry.n, entry.hash)
            self.state = extend(self.state, raw, proofs=False, sparse=True)
        except EscrowError:
            self._refused += 1
        else:
            self.hashes[self.state.head.n] = self.state.head.hash
            self.raws.append(raw)

    def cut_short(self) -> Iterator[Fault]:
        if self.hopeless:
            yield Fault(code="audit_cut_short", n=max(self.hashes, default=0), party="")
