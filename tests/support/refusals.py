"""Expect a refusal: of this very kind and code, with these fields, and with the state as it was before."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import pytest

from escrow.errors import EscrowError
from escrow.ledger.state import CaseState


def snapshot(state: CaseState | None) -> dict[str, Any]:
    """Everything the state holds. Its containers are copied; what is in them is frozen."""
    if state is None:
        return {}
    held = {field.name: getattr(state, field.name) for field in fields(state)}
    return {
        name: type(value)(value) if isinstance(value, dict | list) else value for name, value in held.items()
    }


@contextmanager
def refuses(
    kind: type[EscrowError], code: str, *, state: CaseState | None = None, **expected: object
) -> Iterator[None]:
    """`state` is compared before and after; `expected` are fields that the error must carry."""
    before = snapshot(state)
    with pytest.raises(EscrowError) as caught:
        yield
    error = caught.value
    assert (type(error), error.code) == (kind, code), error
    assert {name: error.fields.get(name) for name in expected} == expected
    assert snapshot(state) == before
