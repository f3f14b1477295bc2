"""What waits for this party, worked out here from verified chains; the service only says which cases to look
at.
"""

from escrow.client.desk import Desk
from escrow.client.views import Inbox


class InboxVerbs(Desk):
    """See the verb."""

    def inbox(self) -> Inbox:
        """Charters to accept, requests to sign off, bad envelopes to report, releases to open."""
        raise NotImplementedError
