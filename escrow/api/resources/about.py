"""What the service says of itself, and whether it is alive and ready."""

from collections.abc import Callable

from flask import current_app

from escrow.api import schemas
from escrow.api.blueprint import Resource, desk
from escrow.api.codes import ANYTHING
from escrow.errors import NotFoundError, TooLargeError, UnavailableError
from escrow.service.about import ServiceView, describe
from escrow.store.canary import FIRST
from escrow.store.interface import Bucket
from escrow.store.names import CANARY

DRAINING = "escrow-draining"
MAX_CANARY = 1024

about = Resource("service", __name__, url_prefix="/v1/service", description="The service itself")
health = Resource("health", __name__, url_prefix="/", description="For supervisors and balancers")


@about.route("", strict_slashes=False)
@about.response(200, schemas.About)
@about.refuses(*ANYTHING)
def show_service() -> ServiceView:
    """Card, public URL, time and limits."""
    return describe(desk())


@health.route("/healthz")
@health.response(200, schemas.Health)
@health.refuses(*ANYTHING)
def is_alive() -> dict[str, str]:
    """The process answers. Nothing else is asked."""
    return {"status": "ok"}


@health.route("/readyz")
@health.response(200, schemas.Health)
@health.refuses("service_stopping", "storage_failed", "internal_error", "request_malformed")
def is_ready() -> dict[str, str]:
    """Requests may be sent here: storage answers, and the service is not about to stop."""
    draining: Callable[[], bool] = current_app.extensions[DRAINING]
    if draining():
        raise UnavailableError("service_stopping")
    for bucket in Bucket:
        _require_canary(bucket)
    return {"status": "ok"}


def _require_canary(bucket: Bucket) -> None:
    """Another folder or bucket lies where ours was: a mount that went away."""
    try:
        found = desk().store.get(bucket, CANARY, limit=MAX_CANARY)
    except NotFoundError:
        raise UnavailableError("storage_failed", reason="canary missing") from None
    except TooLargeError:
        found = b""
    if found != FIRST:
        raise UnavailableError("storage_failed", reason="canary differs")
