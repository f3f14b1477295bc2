"""Uploads: a payload's ciphertext, in numbered parts that can be sent again."""

from typing import Any

from flask import request

from escrow.api import schemas
from escrow.api.auth import identify
from escrow.api.blueprint import Resource, desk, transfers
from escrow.api.bodies import read_digest, require_length, stream
from escrow.api.codes import READ, SEND, SEND_OCTETS, UPLOADS
from escrow.model.ids import CaseId, UploadId
from escrow.service.uploads import (
    AddressesView,
    UploadView,
    addresses,
    begin,
    progress,
    put_part,
    put_payload,
)
from escrow.store.interface import PartReceipt, StoredPayload, UploadPlan

uploads = Resource(
    "uploads", __name__, url_prefix="/v1/cases/<id32:case>/uploads", description="Payloads on their way"
)


_OCTETS = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_DIGEST = {
    "in": "header",
    "name": "Content-Digest",
    "description": "RFC 9530, `sha-256=:BASE64:`. Where other bytes arrive, nothing is completed.",
    "schema": {"type": "string"},
}


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
@uploads.refuses(*READ, UPLOADS)
def show_upload(case: CaseId, upload: UploadId) -> UploadView:
    """Which parts are here, to resume from."""
    return progress(desk(), identify(desk()).fingerprint, case, upload)


@uploads.route("/<id16:upload>/parts/<part:number>", methods=["PUT"])
@uploads.doc(security=[{"token": []}], requestBody=_OCTETS)
@uploads.response(200, schemas.Part)
@uploads.refuses(*SEND_OCTETS)
def send_part(case: CaseId, upload: UploadId, number: int) -> PartReceipt:
    """One part, exactly as long as the plan says. It counts once whole; sending it again replaces it."""
    caller = identify(desk()).fingerprint
    with transfers().receiving(request.content_length or 0):
        return put_part(desk(), caller, case, upload, number, stream(request))


@uploads.route("/<id16:upload>/payload", methods=["PUT"])
@uploads.doc(security=[{"token": []}], requestBody=_OCTETS, parameters=[_DIGEST])
@uploads.response(200, schemas.Payload)
@uploads.refuses(*SEND_OCTETS)
def send_payload(case: CaseId, upload: UploadId) -> StoredPayload:
    """The whole payload in one body, as long as announced. Where it breaks off, its whole parts are here."""
    caller = identify(desk()).fingerprint
    length, digest = require_length(request), read_digest(request)
    with transfers().receiving(length):
        return put_payload(desk(), caller, case, upload, length=length, sha256=digest, body=stream(request))


@uploads.route("/<id16:upload>/addresses", methods=["GET"])
@uploads.doc(security=[{"token": []}])
@uploads.arguments(schemas.AddressPage, location="query")
@uploads.response(200, schemas.Addresses)
@uploads.refuses(*READ, UPLOADS, "addresses_not_offered")
def show_addresses(query: dict[str, Any], case: CaseId, upload: UploadId) -> AddressesView:
    """Where storage itself takes the next parts, each by one PUT, for `valid_s` seconds."""
    caller = identify(desk()).fingerprint
    return addresses(desk(), caller, case, upload, after=query["after"], limit=query["limit"])
