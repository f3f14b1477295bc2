"""Shapes of changes and references: see schemas.py for the rules."""

import marshmallow as ma
from marshmallow import fields, validate

from escrow.api.schemas import DEFAULT_PAGE, MAX_PAGE, Number

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
