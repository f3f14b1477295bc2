"""What waits for the caller, over all cases."""

from typing import Any

from escrow.api import schemas
from escrow.api.auth import insist
from escrow.api.blueprint import Resource, desk
from escrow.api.codes import READ
from escrow.service.inbox import Cursor, read_inbox

inbox = Resource("inbox", __name__, url_prefix="/v1/inbox", description="What waits for the caller")


@inbox.route("", methods=["GET"])
@inbox.polled
@inbox.doc(security=[{"token": []}])
@inbox.arguments(schemas.InboxPage, location="query")
@inbox.response(200, schemas.Inbox)
@inbox.refuses(*READ)
def show_inbox(page: dict[str, Any]) -> dict[str, Any]:
    """Charters to accept, envelopes to check, requests to sign off, releases to open."""
    items, after = read_inbox(desk(), insist(desk()), _cursor(page["after"]), page["limit"])
    return {"items": items, "next": None if after is None else f"{after.case}.{after.n}"}


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    case, _, n = text.partition(".")
    return Cursor(case=case, n=int(n))
