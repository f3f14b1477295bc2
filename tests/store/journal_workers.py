"""What racing processes do to one case: importable, so that a spawned interpreter finds it."""

from pathlib import Path

from support.build import CONVENOR, KEYS, Clock, sealed

from escrow.ledger.statement import Head, compose
from escrow.model.deeds import Note
from escrow.store.folder import FolderStore
from escrow.store.interface import Store
from escrow.store.journal import Journal, Receipt


def open_folder(root: Path) -> Store:
    return FolderStore(root)


def journal_over(store: Store) -> Journal:
    return Journal(store, KEYS, Clock())


def note(case: str, head: Head, text: str) -> str:
    """A note as its author signs it; the first head serves for all, however far the case has come."""
    return compose(CONVENOR, Note(text=sealed(text)), case=case, head=head)


def append_notes(store: Store, who: int, case: str, head: Head, count: int) -> list[Receipt]:
    """`count` notes of one's own, and one note that everybody posts alike."""
    journal = journal_over(store)
    texts = ["the same for all", *(f"{who} {turn}" for turn in range(count))]
    return [journal.append(case, note(case, head, text), prepare=lambda *_: None) for text in texts]
