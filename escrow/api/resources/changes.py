"""Which of the caller's cases may have grown: one question for all of them."""

from typing import Any

from escrow.api import feed_schemas
from escrow.api.auth import insist
from escrow.api.blueprint import Resource, desk
from escrow.api.codes import CHANGES
from escrow.service.changes import Cursor, read_changes

changes = Resource("changes", __name__, url_prefix="/v1/changes", description="Which cases have grown")


@changes.route("", methods=["GET"])
@changes.doc(security=[{"token": []}])
@changes.arguments(feed_schemas.ChangesPage, location="query")
@changes.response(200, feed_schemas.Changes)
@changes.refuses(*CHANGES)
def show_changes(page: dict[str, Any]) -> dict[str, Any]:
    """The caller's cases that may have grown since a cursor, each with the number of its last entry.

    Ask once without `after`, list the cases, then ask by `next` from time to time. A case may be told again
    that has not grown since: compare `n`. A cursor is good for 89 days, at any process of this service.
    """
    found = read_changes(desk(), insist(desk()), _cursor(page["after"]), page["limit"])
    return {"cases": found.cases, "next": _text(found.next), "more": found.more}


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    minute, *rest = text.split(".")
    case, back = rest or ("", None)
    return Cursor(minute=int(minute), case=case or "", back=None if back is None else int(back))


def _text(cursor: Cursor) -> str:
    rest = "" if cursor.back is None else f".{cursor.case}.{cursor.back:010d}"
    return f"{cursor.minute:010d}{rest}"
