"""A charter's draft, read from its file for every verb that takes one; all refuse the same of it.

What only the charter's own rules can say is asked of a charter made of it with parties that do not exist.
"""

from pathlib import Path

from escrow.cli.files import read_text
from escrow.cli.kinds import explained, kind_of
from escrow.client import CharterDraft, Identity
from escrow.errors import EscrowError, MalformedError
from escrow.model.case_key import CaseKey
from escrow.model.charter import Service

MAX_DRAFT_FILE = 256 * 1024


def read_draft(file: Path) -> CharterDraft:
    """MalformedError `file_of_another_kind`, as `CharterDraft.from_toml`, and as the charter (RefusedError
    too). They say where in the file.
    """
    text = read_text(file, limit=MAX_DRAFT_FILE, what="charter")
    if kind_of(text.encode()) not in (None, "charter"):
        raise explained("charter", file, text.encode())
    try:
        draft = CharterDraft.from_toml(text)
        _require_lawful(draft)
    except EscrowError as error:
        path = error.fields.get("path") if isinstance(error, MalformedError) else None
        error.where = f"{file}, path {path}" if path else str(file)
        raise
    return draft


def _require_lawful(draft: CharterDraft) -> None:
    nobody = Identity.generate().card
    service = Service(url="https://service.invalid", card=nobody)
    draft.charter(service=service, convenor=nobody, case_key=CaseKey.generate())
