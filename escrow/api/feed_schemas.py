"""Shapes of changes, references and webhooks: see schemas.py for the rules."""

import marshmallow as ma
from marshmallow import fields, validate

from escrow.api.schemas import DEFAULT_PAGE, MAX_PAGE, Number, Time
from escrow.model.webhook import MAX_URL
from escrow.store.hooks import Ending

_HEX32 = validate.Regexp(r"^[0-9a-f]{64}\Z")


class ChangesPage(ma.Schema):
    """`after`: the `next` of an earlier answer. Left out: no cases, and the cursor to begin with."""

    after = fields.String(
        load_default=None, validate=validate.Regexp(r"^[0-9]{10}(\.([0-9a-f]{64})?\.[0-9]{10})?\Z")
    )
    limit = Number(least=1, most=MAX_PAGE, default=DEFAULT_PAGE)


class ChangedCase(ma.Schema):
    """`n`: the number of its last entry; null where the case cannot be read now."""

    case = fields.String(required=True)
    n = fields.Integer(required=True, allow_none=True)


class Changes(ma.Schema):
    """`next`: what to ask `after` the next time, always. `more`: at once, for this was not all."""

    cases = fields.List(fields.Nested(ChangedCase), required=True)
    next = fields.String(required=True)
    more = fields.Boolean(required=True)


class Reference(ma.Schema):
    """`proof`: 32 bytes in hex that only the caller's program can make, and knows again."""

    case = fields.String(required=True, validate=_HEX32)
    proof = fields.String(required=True, validate=_HEX32)


class NewHook(ma.Schema):
    """`url`: https, by a name, without user, password and fragment; at port 443 unless the operator says
    more.
    """

    url = fields.String(required=True, validate=validate.Length(min=1, max=MAX_URL))


class ClosedHook(ma.Schema):
    """`why`: its owner removed it; its receiver answered 410 (`gone`); nothing got through for days."""

    at = Time(required=True)
    why = fields.String(required=True, validate=validate.OneOf([one.value for one in Ending]))


class Hook(ma.Schema):
    """`delivered`: the id of the newest message that got through. `waiting`: how many have not yet.

    Of a hook that is closed neither is said.
    """

    hook = fields.String(required=True)
    url = fields.String(required=True)
    created = Time(required=True)
    closed = fields.Nested(ClosedHook, required=True, allow_none=True)
    delivered = fields.String(required=True, allow_none=True)
    delivered_at = Time(required=True, allow_none=True)
    waiting = fields.Integer(required=True)
    waiting_since = Time(required=True, allow_none=True)


class Hooks(ma.Schema):
    hooks = fields.List(fields.Nested(Hook), required=True)
