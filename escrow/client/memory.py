"""What a party remembers between runs: pinned services, and of each case its verified entries, receipts and key.

A folder of small files that are created once and never changed (0600, folders 0700), so that two programs may share
it without a lock. What lies here was verified when it was written:

    services/<sha256 of URL>            URL and card
    cases/<case>/entries/<n>            entry n in compact form
    cases/<case>/receipts/<n>           a receipt of one's own: entry n, promised before the chain was read that far
    cases/<case>/key                    the case key
    deposits/<record>/{payload,posting} a deposit between sealing and receipt: ciphertext and statement

Neither identity nor record key is ever here. Lost, it is rebuilt from the service, and only the memory of heads seen
before is gone. Foreign errors: SetupError `memory_unusable`.
"""

from pathlib import Path

from escrow.client.posting import Receipt
from escrow.model.case_key import CaseKey
from escrow.model.charter import Service
from escrow.model.ids import CaseId, Hash, RecordId


class Memory:
    """`Memory(home)`: the folder is made when first written to."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def pin_service(self, service: Service, *, asked: str) -> Service:
        """Pin this card for this URL, or insist that it is the one pinned before.

        `asked` is the URL that the courier speaks to. ForgedError `service_url_differs`, `service_card_changed`.
        """
        raise NotImplementedError

    def cases(self) -> tuple[CaseId, ...]:
        raise NotImplementedError

    def entries(self, case: CaseId) -> list[str]:
        """Entries 0, 1, 2 ... as far as they are remembered without a gap."""
        raise NotImplementedError

    def remember_entry(self, case: CaseId, n: int, raw: str, hash_: Hash) -> None:
        """ForgedError `ledger_forked` if another entry n is remembered."""
        raise NotImplementedError

    def remember_receipt(self, receipt: Receipt) -> None:
        raise NotImplementedError

    def service_of(self, case: CaseId) -> Service | None:
        raise NotImplementedError

    def case_key(self, case: CaseId) -> CaseKey | None:
        raise NotImplementedError

    def remember_case_key(self, case: CaseId, key: CaseKey) -> None:
        raise NotImplementedError

    def deposit_folder(self, record: RecordId) -> Path:
        raise NotImplementedError
