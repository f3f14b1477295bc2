"""Cases: open one, post statements to it, read its state and its chain."""

from typing import Any

from escrow.api import schemas
from escrow.api.auth import count_posting, identify, insist
from escrow.api.blueprint import Resource, desk
from escrow.api.codes import READ, WRITE
from escrow.model.ids import CaseId
from escrow.model.wire import from_base64
from escrow.service import reading
from escrow.service.open_case import open_case
from escrow.service.post import post
from escrow.service.views import CaseView
from escrow.store.journal import Receipt

cases = Resource("cases", __name__, url_prefix="/v1/cases", description="Cases and their ledgers")

Answer = tuple[Receipt, int, dict[str, str]]


def answer(receipt: Receipt, location: str) -> Answer:
    return receipt, 201 if receipt.created else 200, {"Location": location}


@cases.route("", methods=["POST"])
@cases.arguments(schemas.Opening)
@cases.response(201, schemas.Receipt, description="The case is open")
@cases.alt_response(200, schema=schemas.Receipt, description="It was opened by this statement before")
@cases.refuses(*WRITE)
def open_a_case(body: dict[str, Any]) -> Answer:
    """Post an opening statement. Its hash is the case's id."""
    count_posting(desk(), "", body["statement"])
    receipt = open_case(desk(), body["statement"])
    return answer(receipt, f"/v1/cases/{receipt.statement}")


@cases.route("", methods=["GET"])
@cases.polled
@cases.doc(security=[{"token": []}])
@cases.arguments(schemas.CasePage, location="query")
@cases.response(200, schemas.CaseList)
@cases.refuses(*READ)
def list_cases(page: dict[str, Any]) -> dict[str, Any]:
    """The cases in which the caller's card has a seat, is the convenor, or is a reader."""
    found, after = reading.list_cases(desk(), insist(desk()), page["after"], page["limit"])
    return {"cases": found, "next": after}


@cases.route("/<id32:case>", methods=["GET"])
@cases.polled
@cases.doc(security=[{"token": []}])
@cases.response(200, schemas.Case)
@cases.refuses(*READ)
def show_case(case: CaseId) -> CaseView:
    """Head, charters, seats and counts. For members."""
    return reading.read_case(desk(), identify(desk()).fingerprint, case)


@cases.route("/<id32:case>/statements", methods=["POST"])
@cases.arguments(schemas.Posting)
@cases.response(201, schemas.Receipt, description="The statement is on the ledger")
@cases.alt_response(
    200, schema=schemas.Receipt, description="It was on the ledger before: the first receipt again"
)
@cases.refuses(*WRITE)
def post_statement(body: dict[str, Any], case: CaseId) -> Answer:
    """Post a signed statement. The answer is its entry, signed by the service: the receipt."""
    count_posting(desk(), case, body["statement"])
    attachment = body.get("attachment")
    raw = None if attachment is None else from_base64(attachment, field="attachment")
    receipt = post(desk(), case, body["statement"], raw)
    return answer(receipt, f"/v1/cases/{case}/entries?after={receipt.n - 1}&limit=1")


@cases.route("/<id32:case>/entries", methods=["GET"])
@cases.polled
@cases.doc(security=[{"token": []}])
@cases.arguments(schemas.Page, location="query")
@cases.response(200, schemas.Entries)
@cases.refuses(*READ)
def list_entries(page: dict[str, Any], case: CaseId) -> dict[str, Any]:
    """The chain itself, to be checked by whoever reads it. For members.

    A page of long entries holds fewer than asked for: `next` says where to go on, and is null at the end.
    """
    caller = identify(desk()).fingerprint
    found, after = reading.read_entries(desk(), caller, case, page["after"], page["limit"])
    return {"entries": found, "next": after}
