"""Drop-offs: a plain file and a signed order, sealed on the way to storage."""

from flask import request

from escrow.api import schemas
from escrow.api.auth import count_drop_off
from escrow.api.blueprint import Resource, desk, transfers
from escrow.api.bodies import plain_stream, require_length
from escrow.api.codes import DROP_OFF
from escrow.api.resources.cases import Answer, answer
from escrow.errors import MalformedError
from escrow.model.ids import CaseId
from escrow.service.drop_off import drop_off, judge, require_offered
from escrow.service.order_ahead import OrderAhead
from escrow.service.sealer import MAX_BOUNDARY

drop_offs = Resource(
    "drop-offs", __name__, url_prefix="/v1/cases/<id32:case>/drop-offs", description="Plain files to seal"
)

_BINARY = {"type": "string", "format": "binary"}
_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["order", "document"],
                "properties": {
                    "order": {"type": "string", "description": "What `escrow drop-off order` wrote"},
                    "document": _BINARY,
                },
            }
        }
    },
}


@drop_offs.route("", methods=["POST"])
@drop_offs.doc(requestBody=_FORM)
@drop_offs.response(201, schemas.Receipt, description="It is sealed, and on the ledger")
@drop_offs.alt_response(
    200, schema=schemas.Receipt, description="The order was carried out before: the first receipt again"
)
@drop_offs.refuses(*DROP_OFF)
def drop_off_a_file(case: CaseId) -> Answer:
    """Have a plain file sealed by the service, by a seat's signed order; the order's part comes first.

    Only where the charter allows it. The service sees the file meanwhile; it keeps none of it.
    """
    count_drop_off(desk(), case)
    length, boundary = require_length(request), _boundary()
    require_offered(desk(), length)
    body = plain_stream(request)
    with transfers().borrowing(body.hang_up) as keep, OrderAhead(body, boundary) as form:  # T1, T3
        body.hurry()
        task = judge(desk(), case, form.order())
        keep()  # however short it is: from here on it takes a process
        body.take_time()
        receipt = drop_off(desk(), case, task, form, boundary=boundary)
    return answer(receipt, f"/v1/cases/{case}/entries?after={receipt.n - 1}&limit=1")


def _boundary() -> str:
    found = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data":
        raise MalformedError("media_type_unsupported", field="Content-Type")
    if not 1 <= len(found) <= MAX_BOUNDARY or not found.isascii() or not found.isprintable():
        raise MalformedError("drop_off_form_malformed", field="form")
    return found
