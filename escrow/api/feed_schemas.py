"""Shapes of the changes feed: see schemas.py for the rules."""

import marshmallow as ma
from marshmallow import fields, validate

from escrow.api.schemas import DEFAULT_PAGE, MAX_PAGE, Number


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
