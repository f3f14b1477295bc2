"""What the service's refusals mean: the catalogue, for programs and people."""

from typing import Any

from escrow.api import schemas
from escrow.api.blueprint import Resource, document
from escrow.api.codes import ANYTHING
from escrow.api.document import PROBLEMS
from escrow.errors import NotFoundError

meanings = Resource("problems", __name__, url_prefix="/v1/problems", description="What refusals mean")


@meanings.route("", methods=["GET"])
@meanings.polled
@meanings.response(200, schemas.Problems)
@meanings.refuses(*ANYTHING)
def list_problems() -> dict[str, Any]:
    """Every code that a problem of this service may have."""
    return {"problems": list(document()[PROBLEMS].values())}


@meanings.route("/<code:code>", methods=["GET"])
@meanings.polled
@meanings.response(200, schemas.Meaning)
@meanings.refuses(*ANYTHING, "not_found")
def show_problem(code: str) -> dict[str, Any]:
    """One code."""
    found: dict[str, Any] | None = document()[PROBLEMS].get(code)
    if found is None:
        raise NotFoundError("not_found")
    return found
