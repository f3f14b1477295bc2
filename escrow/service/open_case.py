"""Open a case, or propose another charter for one: what the service asks beyond the rules of the ledger.

Rules (numbered as in README.md):
 O1  The opening is posted by a card that the settings let open cases.
 O2  The charter pins this service: its current card (a later one may also keep the card in force, L5), and
     its public URL. Of a proposal that is asked again at every yes: a key may have been changed since.
 O3  The convenor and every seat have their index object before the entry exists.
"""

from escrow.crypto.card import Card
from escrow.errors import RefusedError
from escrow.ledger.replay import Admitted
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Statement, UnverifiedStatement
from escrow.model.charter import Charter
from escrow.model.deeds import CaseOpened
from escrow.service.desk import Desk
from escrow.service.gate import write_charter_index
from escrow.service.limits import require_statement_size
from escrow.service.watching import posting
from escrow.store.journal import Receipt


def open_case(desk: Desk, raw: str) -> Receipt:
    """Enter an opening statement; the same again gives its first receipt and mends index objects (G2)."""
    with posting(desk.watch) as under_way:
        under_way.kind = CaseOpened.TYP  # whatever it is: it was posted as one
        under_way.receipt = _open(desk, raw)
    return under_way.receipt


def _open(desk: Desk, raw: str) -> Receipt:
    require_statement_size(desk, raw)

    def prepare(admitted: Admitted) -> None:
        statement = admitted.statement
        _require_convenor(desk, statement)
        if isinstance(statement.deed, CaseOpened):
            prepare_charter(desk, statement.hash, statement.deed.charter)
        desk.notes.note(statement.hash)

    receipt = desk.journal.open(raw, prepare=prepare)
    deed = UnverifiedStatement.parse(raw).verify_opening().deed
    if not receipt.created and isinstance(deed, CaseOpened):
        write_charter_index(desk, receipt.statement, deed.charter)
    return receipt


def prepare_charter(desk: Desk, case: str, charter: Charter) -> None:
    """O2 and O3, for the charter that opens a case and for every later one."""
    if charter.service.url != desk.settings.public_url:
        raise RefusedError("service_url_not_ours", expected=desk.settings.public_url)
    write_charter_index(desk, case, charter)


def require_card(desk: Desk, state: CaseState, charter: Charter) -> None:
    """O2, of a proposal: with a card of nobody here in force, the case would stand still.

    RefusedError `service_card_not_ours`; UnavailableError `service_key_not_held`.
    """
    if not _may_sign(desk, state, charter.service.card):
        raise RefusedError("service_card_not_ours", expected=desk.card.fingerprint)


def require_card_still(desk: Desk, state: CaseState, charter: Charter) -> None:
    """O2, of every yes, the last or not: one that was kept back would move the case to a key that the service
    has replaced since, which may have been stolen.

    RefusedError `proposal_card_not_current`; UnavailableError `service_key_not_held`.
    """
    if not _may_sign(desk, state, charter.service.card):
        raise RefusedError("proposal_card_not_current", expected=desk.card.fingerprint)


def _may_sign(desk: Desk, state: CaseState, card: Card) -> bool:
    """Whether the case may go by this card from now on. UnavailableError `service_key_not_held`."""
    if card in (state.service, desk.card):
        return True
    desk.journal.require_key(card)
    return False


def _require_convenor(desk: Desk, statement: Statement) -> None:
    """O1."""
    fingerprint = statement.author.fingerprint
    if desk.convenors is not None and fingerprint not in desk.convenors:
        raise RefusedError("convenor_not_listed", author=fingerprint)
