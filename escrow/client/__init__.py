"""The Python SDK of Escrow: what ADR institutions build on, and all that the command line uses.

It believes nobody: chain, signatures and dealings are verified before anything is shown or done, the last
head of each case is remembered, and errors are of escrow/errors.py only. Start with `Session`; README.md has
the story.
"""

from escrow.client.courier import Courier, Hook, ServiceInfo
from escrow.client.drafts import CharterDraft
from escrow.client.drop_off import DropOff
from escrow.client.fetching import Fetched, fetch_release
from escrow.client.http import HttpCourier
from escrow.client.memory import Memory
from escrow.client.opening import Opened, open_files, open_release
from escrow.client.posting import Posting, Receipt
from escrow.client.progress import Progress, Stage, silent
from escrow.client.record_verbs import PendingDeposit
from escrow.client.sealing import PathChoice
from escrow.client.session import Session
from escrow.client.tickets import make_ticket
from escrow.client.unlocking import Fault
from escrow.client.views import (
    BadEnvelope,
    CaseSummary,
    CaseView,
    Changes,
    CharterView,
    EnvelopeState,
    Inbox,
    InboxItem,
    NoteView,
    PathView,
    RecordView,
    ReplacementView,
    RequestView,
    Review,
    SeatView,
    Standing,
    Trouble,
    Waiting,
    WithdrawalView,
)
from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.model.handover import Introduction, Invitation

__all__ = [
    "BadEnvelope",
    "Card",
    "CaseSummary",
    "CaseView",
    "Changes",
    "CharterDraft",
    "CharterView",
    "Courier",
    "DropOff",
    "EnvelopeState",
    "Fault",
    "Fetched",
    "Hook",
    "HttpCourier",
    "Identity",
    "Inbox",
    "InboxItem",
    "Introduction",
    "Invitation",
    "Memory",
    "NoteView",
    "Opened",
    "PathChoice",
    "PathView",
    "PendingDeposit",
    "Posting",
    "Progress",
    "Receipt",
    "RecordView",
    "ReplacementView",
    "RequestView",
    "Review",
    "SeatView",
    "ServiceInfo",
    "Session",
    "Stage",
    "Standing",
    "Trouble",
    "Waiting",
    "WithdrawalView",
    "fetch_release",
    "make_ticket",
    "open_files",
    "open_release",
    "silent",
]
