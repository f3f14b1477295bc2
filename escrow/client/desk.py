"""The desk at which every verb is done: one party's identity, its courier, its memory and a clock.

`known` gives a case as its verified chain tells it, up to date; `compose` signs a deed and asks the shared
rules about it before anybody else sees it; `send` posts and believes nothing but a receipt that the pinned
service signed.
"""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from escrow.client.clock import now_utc
from escrow.client.courier import Courier
from escrow.client.following import Follower, KnownCase
from escrow.client.memory import Memory
from escrow.client.posting import Posting, Receipt
from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.errors import EscrowError, ForgedError, MalformedError, NotFoundError, SetupError
from escrow.ledger import replay, statement, token
from escrow.ledger.entry import Entry, UnverifiedEntry
from escrow.ledger.signer import read_known
from escrow.ledger.state import CaseState
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.case_key import CaseKey
from escrow.model.charter import Service
from escrow.model.deeds import AnyDeed, CaseOpened
from escrow.model.ids import CaseId, Fingerprint

MAX_CASES = 10_000
"""A service that lists more than this is not believed to come to an end."""
MAX_PAGES = 1000
"""Nor is one whose list has more pages. One page of changes has looked through ten thousand."""


class Desk:
    """What all verbs share. `clock` gives aware UTC times; tests hand in their own."""

    def __init__(
        self, identity: Identity, courier: Courier, memory: Memory, *, clock: Callable[[], datetime] = now_utc
    ) -> None:
        self.identity = identity
        self.courier = courier
        self.memory = memory
        self.clock = clock
        self._follower = Follower(identity, courier, memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the courier's connections. A later verb opens new ones."""
        self.courier.close()

    @property
    def card(self) -> Card:
        """This party's card, as charters and other people name it."""
        return self.identity.card

    def token(self) -> str:
        """A token for reading, good for four minutes, as `curl -H "Authorization: Bearer ..."` takes it."""
        return token.make(self.identity, self.courier.url, self.clock())

    def service(self, *, told: Card | None = None) -> Service:
        """The service at this URL with a card that this memory has pinned for it; pins it on first sight.

        `told`: the card that the service's people told this party, which is pinned even where another was.
        ForgedError `service_card_differs`, `service_url_differs`; `service_card_not_as_told`, and then
        nothing is pinned.
        """
        info = self.courier.service()
        shown = Service(url=info.url, card=info.card)
        return (
            self.memory.pin_service(shown, asked=self.courier.url)
            if told is None
            else self.trust(shown, told=told)
        )

    def trust(self, service: Service, *, told: Card) -> Service:
        """Pin the service of an invitation, whose key has changed since this memory pinned one for its URL.

        `told`: as in `service`. ForgedError `service_card_not_as_told`, `service_url_differs`.
        """
        require_told(service, told)
        return self.memory.trust_service(service, asked=self.courier.url)

    def known(self, case: CaseId, *, insist: Callable[[CaseState], None] | None = None) -> KnownCase:
        """The case as its chain stands now: fetched, verified, compared with what was seen before.

        `insist`: a check of the caller's; where it raises, a case not seen before leaves nothing behind.
        """
        return self._follower.follow(case, insist=insist)

    def known_if_any(self, case: CaseId) -> CaseState | None:
        """The case for who may be a reader without a seat: as `known`, or as it is remembered, or None.

        A service that denies a case to one who belongs to it is refused as in `known`.
        """
        try:
            return self.known(case).state
        except NotFoundError:
            return self._follower.recall(case)

    def remembered(self, case: CaseId) -> KnownCase:
        """The case as it was last seen, asking nobody. NotFoundError `case_not_remembered`."""
        found = self._follower.remembered(case)
        if found is None:
            raise NotFoundError("case_not_remembered", case=case)
        return found

    def case_ids(self) -> tuple[CaseId, ...]:
        """Cases of this service: those remembered, then those that it lists for this card. Unverified."""
        found = dict.fromkeys(case for case in self.memory.cases() if not self._is_elsewhere(case))
        after: str | None = None
        listed: set[CaseId] = set()
        for _ in range(MAX_PAGES):
            page = self.courier.cases(after=after)
            found |= dict.fromkeys(page.cases)
            if page.next is None or listed.issuperset(page.cases) or len(found) > MAX_CASES:
                break  # it is at its end, or makes no way towards it
            listed.update(page.cases)
            after = page.next
        return tuple(found)

    def _is_elsewhere(self, case: CaseId) -> bool:
        """Whether the case's charter names another service, which alone can be asked about it."""
        try:
            kept = self.memory.service_of(case)
        except EscrowError:
            return False  # spoilt here: whoever follows the case says so
        return kept is not None and kept.url != self.courier.url

    def case_key(self, known: KnownCase) -> CaseKey:
        """SetupError `case_key_missing`: join with an invitation first."""
        if known.key is None:
            raise SetupError("case_key_missing", case=known.case)
        return known.key

    def compose(self, known: KnownCase, deed: AnyDeed, attachment: bytes | None = None) -> Posting:
        """Sign a deed at the head seen last. Whatever the case's rules refuse is refused here already, same
        codes.
        """
        raw = statement.compose(self.identity, deed, case=known.case, head=known.state.head)
        replay.admit(known.state, raw, at=max(self.clock(), known.state.received_at))
        return Posting(case=known.case, statement=raw, attachment=attachment)

    def send(self, posting: Posting) -> Receipt:
        """Post it and check the receipt; the case's chain must then hold that receipt, now and ever after.

        Anybody's posting may be sent, as often as one likes. Errors of the receipt: see `Receipt.check`.
        SetupError `case_at_another_address`, before it is sent; `receipt_unchecked`, after.
        """
        if posting.case is not None:
            self._follower.require_here(posting.case)
        opened_at = self._opened_at(posting) if posting.case is None else None
        answer = self.courier.post(posting)
        if opened_at is not None:
            receipt = Receipt.check(answer.entry, posting, opened_at, created=answer.created)
            self._follower.keep_opening(answer.entry)
        else:
            entry = self._read_receipt(posting.case or posting.hash, answer.entry)
            receipt = Receipt.of(entry, posting, created=answer.created)
        self.memory.remember_receipt(receipt)
        return receipt

    def _read_receipt(self, case: CaseId, untrusted: str) -> Entry:
        """E1: an entry by the card that may sign there, as this party knows the case (L5).

        Where another card signed it, the case is looked at again: it may have moved meanwhile. ForgedError
        `signature_false`, `entry_signer_not_in_force`; SetupError `receipt_unchecked`.
        """
        seen = self._follower.seen(case)
        signer = UnverifiedEntry.parse(untrusted).kid
        if seen is None:
            return self._read_receipt_unseen(case, untrusted, signer)
        try:
            return read_known(seen, untrusted)
        except ForgedError as forged:
            if signer == seen.service.fingerprint:
                raise
            try:
                return read_known(self.known(case).state, untrusted)
            except NotFoundError:
                raise forged from None

    def _read_receipt_unseen(self, case: CaseId, untrusted: str, signer: Fingerprint) -> Entry:
        """E1 for who does not know the case: by a card pinned for this service, or as the case's chain says.

        Who may not see the chain cannot tell whether some other card may sign there, and accuses nobody.
        """
        url = self.courier.url
        if not self.memory.pinned(url):
            self.service()
        for service in self.memory.pinned(url):
            if service.card.fingerprint == signer:
                return Entry.read(untrusted, service.card)
        try:
            return read_known(self.known(case).state, untrusted)
        except NotFoundError:
            raise SetupError("receipt_unchecked", case=case, author=signer, url=url) from None

    def _opened_at(self, posting: Posting) -> Card:
        """The card that must sign the receipt of an opening: its charter's, if it is pinned for this URL."""
        self.service()
        deed = UnverifiedStatement.parse(posting.statement).verify_opening().deed
        if not isinstance(deed, CaseOpened):
            raise MalformedError("posting_not_an_opening", field="posting.statement")
        return self.memory.pin_service(deed.charter.service, asked=self.courier.url).card


def require_told(service: Service, told: Card) -> None:
    """ForgedError `service_card_not_as_told`."""
    if service.card != told:
        raise ForgedError(
            "service_card_not_as_told",
            expected=told.fingerprint,
            found=service.card.fingerprint,
            url=service.url,
        )
