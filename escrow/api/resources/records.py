"""Records of a case, and their encrypted payloads, whole or in part."""

from typing import Any

from flask import Response, request

from escrow.api import schemas
from escrow.api.auth import identify
from escrow.api.blueprint import Resource, desk
from escrow.api.codes import READ
from escrow.api.etags import NOT_MODIFIED, tagged
from escrow.errors import MalformedError
from escrow.model.ids import CaseId, RecordId
from escrow.service import reading
from escrow.service.reading import PayloadView
from escrow.service.views import RecordView

records = Resource(
    "records", __name__, url_prefix="/v1/cases/<id32:case>/records", description="Sealed records"
)

_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@records.route("", methods=["GET"])
@records.polled
@records.doc(security=[{"token": []}])
@records.arguments(schemas.Page, location="query")
@records.response(200, schemas.Records)
@records.refuses(*READ)
def list_records(page: dict[str, Any], case: CaseId) -> dict[str, Any]:
    """Every record, who may open it by which path, and what has been asked for. For members."""
    caller = identify(desk()).fingerprint
    found, after = reading.list_records(desk(), caller, case, page["after"], page["limit"])
    return {"records": found, "next": after}


@records.route("/<id16:record>", methods=["GET"])
@records.polled
@records.doc(security=[{"token": []}])
@records.response(200, schemas.Record)
@records.refuses(*READ)
def show_record(case: CaseId, record: RecordId) -> RecordView:
    """One record. For members."""
    return reading.read_record(desk(), identify(desk()).fingerprint, case, record)


@records.route("/<id16:record>/payload", methods=["GET"])
@records.doc(
    security=[{"token": []}, {}],
    responses={
        "200": {"description": "All of it", "content": _BINARY},
        "206": {"description": "The range asked for", "content": _BINARY},
        "304": NOT_MODIFIED,
    },
)
@records.refuses(*READ, "range_out_of_bounds", "payload_missing")
def read_payload(case: CaseId, record: RecordId) -> Response:
    """The record's ciphertext.

    For members, for readers of a release, and for all once released to the public.
    """
    payload = reading.read_payload(desk(), identify(desk()).fingerprint, case, record)
    response = tagged(payload.sha256, lambda: _bytes(payload))
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _bytes(payload: PayloadView) -> Response:
    start, stop = _range(payload)
    whole = (start, stop) == (0, payload.length)
    response = Response(
        payload.read(start, stop), status=200 if whole else 206, mimetype="application/octet-stream"
    )
    response.content_length = stop - start
    if not whole:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{payload.length}"
    return response


def _range(payload: PayloadView) -> tuple[int, int]:
    """The one range asked for (RFC 9110 section 14). Several, or a unit we do not know, mean the whole."""
    asked = request.range
    stale = request.if_range.etag is not None and request.if_range.etag != payload.sha256
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or stale or request.if_range.date:
        return 0, payload.length
    start, _ = asked.ranges[0]
    if start < -payload.length:  # the last so many bytes, of fewer: all
        return 0, payload.length
    found = asked.range_for_length(payload.length)
    if found is None:
        raise MalformedError("range_out_of_bounds", field="Range", length=payload.length)
    return found
