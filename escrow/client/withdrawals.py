"""Sign-offs that were taken back, in their seats' words.

The replayed state keeps the number of the entry only; the words are read again from the entry as this home
remembers it, which is compared with what was replayed.
"""

from collections.abc import Iterable

from escrow.client import texts
from escrow.client.following import KnownCase
from escrow.client.memory import Memory
from escrow.client.views import WithdrawalView
from escrow.errors import ForgedError
from escrow.ledger.signer import read_any
from escrow.ledger.state import RequestState
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.deeds import SignOffWithdrawn
from escrow.model.ids import Hash


def show_withdrawals(
    memory: Memory, known: KnownCase, requests: Iterable[RequestState]
) -> dict[Hash, tuple[WithdrawalView, ...]]:
    """Of each of these requests, in the order in which they were taken back. Reads nothing where there is
    none; ForgedError `ledger_forked` (n) where the memory was changed under this program.
    """
    numbers = {asked.hash: sorted(n for ns in asked.withdrawals.values() for n in ns) for asked in requests}
    first = min((n for ns in numbers.values() for n in ns), default=None)
    raws = [] if first is None else memory.entries(known.case, first)
    return {
        request: tuple(_show(known, n, raws[n - (first or 0)]) for n in ns) for request, ns in numbers.items()
    }


def _show(known: KnownCase, n: int, raw: str) -> WithdrawalView:
    entry = read_any(known.state, raw)
    untrusted = UnverifiedStatement.parse(entry.statement_raw)
    author = known.state.known_card(untrusted.kid)
    deed = None if author is None else untrusted.verify(author).deed
    if entry.hash != known.state.entries[n] or author is None or not isinstance(deed, SignOffWithdrawn):
        raise ForgedError("ledger_forked", n=n)
    return WithdrawalView(
        seat=deed.seat,
        author=author,
        reason=texts.open_reason(known.key, known.case, deed.request, deed.seat, deed.reason),
        n=n,
        received_at=entry.received_at,
    )
