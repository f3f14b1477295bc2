"""A party's session with one service: every verb of the SDK on one object.

    session = Session(identity, HttpCourier("https://escrow.example", identity),
    Memory(Path("~/.escrow").expanduser()))

Verbs that write come in pairs: `prepare_x` signs and gives a Posting (which can be kept in a file and sent by
anybody), `x` sends it too and gives a Receipt. Verbs that read bring the case's chain up to date and verify
it first. Nothing is shown or done on the service's word alone.
"""

from escrow.client.auditing import AuditVerbs
from escrow.client.case_opening import OpeningVerbs
from escrow.client.case_verbs import CaseVerbs
from escrow.client.drop_off import DropOffVerbs
from escrow.client.hooks import HookVerbs
from escrow.client.inbox import InboxVerbs
from escrow.client.record_verbs import RecordVerbs
from escrow.client.release_verbs import ReleaseVerbs


class Session(
    OpeningVerbs, CaseVerbs, RecordVerbs, DropOffVerbs, ReleaseVerbs, InboxVerbs, HookVerbs, AuditVerbs
):
    """`Session(identity, courier, memory, *, clock=now_utc)`. One thread at a time.

    `with Session(...) as session:` closes the courier's connections at the end of the block; so does
    `session.close()`. Nothing is lost without: what is remembered is on disk before a verb returns.
    """
