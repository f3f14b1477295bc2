"""Release requests, their bundles once released, and share objects."""

from typing import Any

from flask import Response

from escrow.api import schemas
from escrow.api.auth import identify
from escrow.api.blueprint import Resource, desk
from escrow.api.codes import READ
from escrow.api.etags import NOT_MODIFIED, tagged
from escrow.model.ids import CaseId, Hash
from escrow.service import reading
from escrow.service.views import RequestView

requests = Resource("requests", __name__, url_prefix="/v1/cases/<id32:case>", description="Releases")

_JSON = {"application/json": {"schema": {"type": "object"}}}


@requests.route("/requests", methods=["GET"])
@requests.polled
@requests.doc(security=[{"token": []}])
@requests.arguments(schemas.Page, location="query")
@requests.response(200, schemas.Requests)
@requests.refuses(*READ)
def list_requests(page: dict[str, Any], case: CaseId) -> dict[str, Any]:
    """Release requests with what each still needs. For members; a reader sees those that name it."""
    caller = identify(desk()).fingerprint
    found, after = reading.list_requests(desk(), caller, case, page["after"], page["limit"])
    return {"requests": found, "next": after}


@requests.route("/requests/<id32:asked>", methods=["GET"])
@requests.polled
@requests.doc(security=[{"token": []}])
@requests.response(200, schemas.Request)
@requests.refuses(*READ)
def show_request(case: CaseId, asked: Hash) -> RequestView:
    """One request. For members and the readers that it names."""
    return reading.read_request(desk(), identify(desk()).fingerprint, case, asked)


@requests.route("/requests/<id32:asked>/bundle", methods=["GET"])
@requests.doc(
    security=[{"token": []}, {}],
    responses={
        "200": {"description": "What is needed to check and open this release", "content": _JSON},
        "304": NOT_MODIFIED,
    },
)
@requests.refuses(*READ)
def read_bundle(case: CaseId, asked: Hash) -> Response:
    """The bundle, once released.

    For members, for its readers, and for all where it was released to the public.
    """
    bundle = reading.read_bundle(desk(), identify(desk()).fingerprint, case, asked)
    return tagged(bundle.tag, lambda: Response(bundle.raw, mimetype="application/json"))


@requests.route("/shares/<id32:shares>", methods=["GET"])
@requests.doc(
    security=[{"token": []}],
    responses={"200": {"description": "The object's exact bytes", "content": _JSON}},
)
@requests.refuses(*READ, "share_object_missing")
def read_share(case: CaseId, shares: Hash) -> Response:
    """A share object. For its author; for members once the request is released."""
    raw = reading.read_share(desk(), identify(desk()).fingerprint, case, shares)
    return Response(raw, mimetype="application/json")
