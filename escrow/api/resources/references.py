"""References: an institution's own names for its cases."""

from typing import Any

from escrow.api import feed_schemas
from escrow.api.auth import insist
from escrow.api.blueprint import Resource, desk
from escrow.api.codes import GIVE_REFERENCE, READ
from escrow.model.ids import Hash
from escrow.service.references import Reference, give_reference, read_reference

references = Resource(
    "references", __name__, url_prefix="/v1/references", description="An institution's own names for cases"
)


@references.route("/<id32:reference>", methods=["PUT"])
@references.doc(security=[{"token": []}])
@references.arguments(feed_schemas.Reference)
@references.response(201, feed_schemas.Reference, description="The case has this reference")
@references.alt_response(200, schema=feed_schemas.Reference, description="It had it before")
@references.refuses(*GIVE_REFERENCE)
def put_reference(body: dict[str, Any], reference: Hash) -> tuple[Reference, int]:
    """Call a case so, for good. For who opened it; the id is of the caller's own making.

    A case has at most 8 references.
    """
    given = Reference(case=body["case"], proof=body["proof"])
    created = give_reference(desk(), insist(desk()), reference, given)
    return given, 201 if created else 200


@references.route("/<id32:reference>", methods=["GET"])
@references.doc(security=[{"token": []}])
@references.response(200, feed_schemas.Reference)
@references.refuses(*READ)
def show_reference(reference: Hash) -> Reference:
    """The case that the caller calls so."""
    return read_reference(desk(), insist(desk()), reference)
