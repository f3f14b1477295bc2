"""Verbs that open a case, once for each of the institution's own references however often the program dies.

The steps, each of which may be the last before a crash; whoever runs again goes on behind it:

 1. The service is asked whether the reference has a case: then that is the case.
 2. The opening is signed, and waits in the memory's home under the reference's id.
 3. It is posted. The same statement opens one case, whoever posts it how often.
 4. The service is told that the reference has this case.
 5. The memory keeps that, and the waiting opening goes. Before that it goes only if the service refuses it.

So one home never opens two cases for one reference. Two machines of one identity that start in the same
moment may each open one: whoever comes second to step 4 is told `reference_taken`, with the first one's case,
and its own case stays unused.
"""

from escrow.client.desk import Desk
from escrow.client.drafts import CharterDraft
from escrow.client.posting import Posting, Receipt
from escrow.client.references import Reference
from escrow.crypto.card import Card
from escrow.errors import EscrowError, MalformedError, NotFoundError, RefusedError
from escrow.ledger import statement
from escrow.ledger.signer import read_known
from escrow.model.case_key import CaseKey
from escrow.model.deeds import CaseOpened
from escrow.model.ids import CaseId


class OpeningVerbs(Desk):
    """See the verbs."""

    def prepare_open_case(self, draft: CharterDraft, *, service_card: Card | None = None) -> Posting:
        """Open a case as its convenor, with a fresh case key (kept in memory). The case's id is
        `posting.hash`.

        `service_card`: what the service's people told you; ForgedError `service_card_not_as_told` if it shows
        another.
        """
        service = self.service(told=service_card)
        key = CaseKey.generate()
        deed = CaseOpened(
            charter=draft.charter(service=service, convenor=self.card, case_key=key),
            wrapped_case_key=key.wrap_for_oneself(self.identity),
        )
        posting = Posting.of(statement.compose(self.identity, deed, case=None, head=None))
        self.memory.remember_case_key(posting.hash, key)
        return posting

    def open_case(
        self, draft: CharterDraft, *, service_card: Card | None = None, reference: str | None = None
    ) -> Receipt:
        """Open a case, and give the receipt of its opening: `receipt.case` is its id.

        `reference`: your own name for it, 1 to 200 characters, which nobody else learns. The same again gives
        the same case (`receipt.created` False), whatever the draft says then, however the run before ended:

            session.open_case(draft, reference="ADR-2026-0417")

        RefusedError `reference_taken` (case): another machine gave it to another case at the same moment;
        MalformedError `reference_malformed`; ForgedError `reference_false`: see `case_of`.
        """
        if reference is None:
            return self.send(self.prepare_open_case(draft, service_card=service_card))
        named = self._reference(reference)
        with self.memory.referring(named.id):
            found = self._case_called(named)
            if found is not None:
                self.memory.forget_opening(named.id)
                return self._opening_receipt(found)
            if service_card is not None:
                self.service(told=service_card)
            raw = self.memory.opening(named.id)
            if raw is None:
                posting = self.prepare_open_case(draft, service_card=service_card)
                raw = self.memory.remember_opening(named.id, posting.dump())
            return self._open_as(named, Posting.load(raw))

    def case_of(self, reference: str) -> CaseId:
        """The case that this party calls so. NotFoundError `not_found`; ForgedError `reference_false`: the
        service names a case to which this party never gave it.
        """
        found = self._case_called(self._reference(reference))
        if found is None:
            raise NotFoundError("not_found")
        return found

    def _reference(self, text: str) -> Reference:
        return Reference.of(self.identity, self.courier.url, text)

    def _case_called(self, named: Reference) -> CaseId | None:
        """Step 1: as remembered, or as the service says and this party's proof confirms."""
        kept = self.memory.case_called(named.id)
        if kept is not None:
            return kept
        try:
            untrusted = self.courier.reference(named.id)
        except NotFoundError:
            return None
        named.require(untrusted.case, untrusted.proof)
        self.memory.settle_reference(named.id, untrusted.case)
        return untrusted.case

    def _open_as(self, named: Reference, posting: Posting) -> Receipt:
        """Steps 3 to 5. An opening that the service refuses for good waits no longer: the next draft may be
        better. One that it has taken waits on, whatever becomes of its reference.
        """
        try:
            receipt = self.send(posting)
            self.courier.give_reference(named.id, receipt.case, named.proof(receipt.case))
        except (RefusedError, MalformedError) as error:
            if _refused_by_service(error) and not self.memory.entries(posting.hash):
                self.memory.forget_opening(named.id)
            raise
        self.memory.settle_reference(named.id, receipt.case)
        return receipt

    def _opening_receipt(self, case: CaseId) -> Receipt:
        """The first entry, from the chain as it was verified."""
        state = self.known(case).state
        raw = self.memory.entries(case)[0]
        entry = read_known(state, raw)
        return Receipt.of(entry, Posting.of(entry.statement_raw), created=False)


def _refused_by_service(error: EscrowError) -> bool:
    """Its own words, and not those of something that stands in its place."""
    return "request_id" in error.fields and error.code != "answer_malformed"
