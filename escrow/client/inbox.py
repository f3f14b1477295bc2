"""What waits for this party, worked out here from verified chains; the service only says which cases to look
at.

A case that cannot be shown does not hide the others: it is listed with what went wrong. Only where no answer
comes at all, or many cases in a row are not served, is it the service that is told to be out of order.
"""

from collections.abc import Iterable, Iterator

from escrow.client import texts
from escrow.client.desk import MAX_CASES, MAX_PAGES, Desk
from escrow.client.envelopes import OwnEnvelopes, is_reported
from escrow.client.following import KnownCase
from escrow.client.views import Changes, Inbox, InboxItem, Trouble, Waiting
from escrow.errors import EscrowError, UnavailableError
from escrow.ledger.state import CharterStatus, RequestState
from escrow.model.ids import CaseId
from escrow.model.path import AudienceKind
from escrow.policy.verdict import assess_date

NO_LINE = frozenset(
    {"service_unreachable", "service_certificate_refused", "service_speaks_no_tls", "answer_too_slow"}
)
"""Codes by which the courier says that no answer came; one that has a `status` came, if from a proxy."""
MAX_UNSERVED = 8
"""Cases in a row that a service says it cannot serve now: each was asked for several times."""


class InboxVerbs(Desk):
    """See the verb."""

    def changes(self, after: str | None = None) -> Changes:
        """Which cases of this party may have grown since a cursor, as the service says: one question for all.

        `after` None: no cases, and the cursor to begin with. Keep `next`, and ask with it from time to time:

            cursor = session.changes().next          # first
            session.inbox()                          # then look at everything once
            found = session.changes(cursor)          # every minute
            session.inbox(cases=found.cases)         # looks at, and verifies, those alone
            cursor = found.next                      # once they were dealt with

        A case may come again that has not grown; `cases[id]` is the number of its last entry, or None where
        the service cannot read it. What a service holds back cannot be seen: look at everything once a week.
        MalformedError `cursor_too_old`: begin again, as at first.
        """
        page = self.courier.changes(after=after)
        cases, seen = dict(page.cases), {after}
        while page.more and page.next not in seen and len(seen) < MAX_PAGES and len(cases) <= MAX_CASES:
            seen.add(page.next)
            page = self.courier.changes(after=page.next)
            cases |= page.cases
        return Changes(cases=cases, next=page.next)

    def inbox(self, cases: Iterable[CaseId] | None = None) -> Inbox:
        """Charters to accept, requests to sign off, bad envelopes to report, releases to open.

        UnavailableError where the service cannot be reached, or serves none of many cases in a row.

        `cases`: of these alone, such as `changes` has told; else of all that memory or service know.
        """
        items: list[InboxItem] = []
        troubles: list[Trouble] = []
        unserved = 0
        for case in self.case_ids() if cases is None else cases:
            try:
                known = self.known(case)
            except EscrowError as error:
                unserved = unserved + 1 if isinstance(error, UnavailableError) else 0
                if unserved == MAX_UNSERVED or _is_line_down(error):
                    raise
                troubles.append(Trouble(case=case, error=error))
                continue
            unserved = 0
            items += self._charters(known)
            items += self._envelopes(known)
            for asked in known.state.requests.values():
                items += self._release(known, asked)
        return Inbox(items=tuple(items), troubles=tuple(troubles))

    def _charters(self, known: KnownCase) -> Iterator[InboxItem]:
        for held in known.state.charters.values():
            if held.status is not CharterStatus.PENDING:
                continue
            prose = texts.open_prose(known.key, held.charter.prose)
            for seat, holder in held.missing:
                if holder == self.card.fingerprint:
                    yield InboxItem(
                        kind=Waiting.ACCEPT,
                        case=known.case,
                        subject=held.proposal,
                        seat=seat,
                        path="",
                        label=None if prose is None else prose.title,
                    )

    def _envelopes(self, known: KnownCase) -> Iterator[InboxItem]:
        for record, path, seat in OwnEnvelopes(self.identity, known).bad():
            name, body = path.record_path.name, record.body
            if not is_reported(record, name, seat):
                yield InboxItem(
                    kind=Waiting.REPORT_ENVELOPE,
                    case=known.case,
                    subject=body.record,
                    seat=seat,
                    path=name,
                    label=texts.open_label(known.key, known.case, body.record, body.label),
                )

    def _release(self, known: KnownCase, asked: RequestState) -> Iterator[InboxItem]:
        record = known.state.record(asked.record)
        path = record.path(asked.path)
        label = texts.open_label(known.key, known.case, asked.record, record.body.label)

        def item(kind: Waiting, seat: str) -> InboxItem:
            return InboxItem(
                kind=kind, case=known.case, subject=asked.hash, seat=seat, path=asked.path, label=label
            )

        terms = path.record_path.terms
        if asked.released_at is not None:
            public = terms.audience.kind is AudienceKind.PUBLIC
            if public or self.card in known.state.readers_of(asked.hash):
                yield item(Waiting.OPEN, "")
            return
        if terms.not_before is not None and not assess_date(terms.not_before, self.clock()).met:
            return  # by this machine's own clock: the service's times may be false
        for seat in OwnEnvelopes(self.identity, known).seats(path):
            if seat not in asked.signed:
                yield item(Waiting.SIGN_OFF, seat)


def _is_line_down(error: EscrowError) -> bool:
    """No answer came, so that the next case would have none either."""
    return not error.by_service and error.code in NO_LINE and "status" not in error.fields
