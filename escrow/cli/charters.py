"""A charter's draft, read from its file for every verb that takes one."""

from pathlib import Path

from escrow.cli.files import read_text
from escrow.cli.kinds import explained, kind_of
from escrow.client import CharterDraft

MAX_DRAFT_FILE = 256 * 1024


def read_draft(file: Path) -> CharterDraft:
    """MalformedError as `CharterDraft.from_toml`, which a person can mend; `file_of_another_kind`."""
    text = read_text(file, limit=MAX_DRAFT_FILE, what="charter")
    if kind_of(text.encode()) not in (None, "charter"):
        raise explained("charter", file, text.encode())
    return CharterDraft.from_toml(text)
