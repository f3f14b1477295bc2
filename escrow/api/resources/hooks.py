"""Webhooks of the caller's card: being told that a case has grown, without asking."""

from typing import Any

from escrow.api import feed_schemas
from escrow.api.auth import insist
from escrow.api.blueprint import Resource, desk
from escrow.api.codes import ADD_HOOK, READ
from escrow.service.hooks import HookView, add_hook, list_hooks, remove_hook

hooks = Resource("hooks", __name__, url_prefix="/v1/hooks", description="Being told that cases have grown")


@hooks.route("/<id16:hook>", methods=["PUT"])
@hooks.doc(security=[{"token": []}])
@hooks.arguments(feed_schemas.NewHook)
@hooks.response(201, feed_schemas.Hook, description="From now on this URL is told")
@hooks.alt_response(200, schema=feed_schemas.Hook, description="It was before")
@hooks.refuses(*ADD_HOOK)
def put_hook(body: dict[str, Any], hook: str) -> tuple[HookView, int]:
    """Have a URL told of every new entry in the caller's cases, by ids only; the hook's id is of the
    caller's making.

    Messages are signed as Standard Webhooks says, by the `webhook_key` of `/v1/service`. One may come twice.
    """
    found, created = add_hook(desk(), insist(desk()), hook, body["url"])
    return found, 201 if created else 200


@hooks.route("", methods=["GET"])
@hooks.doc(security=[{"token": []}])
@hooks.response(200, feed_schemas.Hooks)
@hooks.refuses(*READ)
def show_hooks() -> dict[str, Any]:
    """The caller's hooks, those that are closed too for a month, and what waits for each."""
    return {"hooks": list_hooks(desk(), insist(desk()))}


@hooks.route("/<id16:hook>", methods=["DELETE"])
@hooks.doc(security=[{"token": []}])
@hooks.response(200, feed_schemas.Hook)
@hooks.refuses(*READ)
def delete_hook(hook: str) -> HookView:
    """Close a hook for good. What was not delivered is not; the changes feed still tells it."""
    return remove_hook(desk(), insist(desk()), hook)
