"""Uploads: a payload's ciphertext, in numbered parts that can be sent again."""

from typing import Any

from flask import request

from escrow.api import schemas
from escrow.api.auth import identify
from escrow.api.blueprint import SEND, Resource, desk, transfers
from escrow.api.bodies import stream
from escrow.model.ids import CaseId, UploadId
from escrow.service.uploads import UploadView, begin, progress, put_part
from escrow.store.interface import PartReceipt, UploadPlan

uploads = Resource(
    "uploads", __name__, url_prefix="/v1/cases/<id32:case>/uploads", description="Payloads on their way"
)


@uploads.route("/<id16:upload>", methods=["PUT"])
@uploads.doc(security=[{"token": []}])
@uploads.arguments(schemas.UploadAnnounced)
@uploads.response(200, schemas.Upload)
@uploads.refuses(*SEND)
def begin_upload(body: dict[str, Any], case: CaseId, upload: UploadId) -> UploadView:
    """Announce a payload under an id of one's own choice, or ask again how far it is."""
    plan = UploadPlan(length=body["length"], part_size=body["part_size"])
    return begin(desk(), identify(desk()).fingerprint, case, upload, plan)


@uploads.route("/<id16:upload>", methods=["GET"])
@uploads.doc(security=[{"token": []}])
@uploads.response(200, schemas.Upload)
@uploads.refuses(*SEND)
def show_upload(case: CaseId, upload: UploadId) -> UploadView:
    """Which parts are here, to resume from."""
    return progress(desk(), identify(desk()).fingerprint, case, upload)


@uploads.route("/<id16:upload>/parts/<part:number>", methods=["PUT"])
@uploads.doc(
    security=[{"token": []}],
    requestBody={
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
)
@uploads.response(200, schemas.Part)
@uploads.refuses(*SEND)
def send_part(case: CaseId, upload: UploadId, number: int) -> PartReceipt:
    """One part, exactly as long as the plan says. It counts once whole; sending it again replaces it."""
    caller = identify(desk()).fingerprint
    with transfers().receiving(request.content_length or 0):
        return put_part(desk(), caller, case, upload, number, stream(request))
