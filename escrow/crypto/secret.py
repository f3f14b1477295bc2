"""What every secret value has in common.

A secret prints as its name and length, compares in constant time, never changes and refuses to be pickled, so
that it reaches no log line, no traceback and no other process by accident. Points derive from it too: the
opened point of a path is as secret as a key.
"""

import hmac
from typing import Any, Self


class NeverPickled:
    """What holds a secret in a plain field, kept out of `repr`, stays in this process too."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError(f"{type(self).__name__} refuses to be pickled")


class Secret(NeverPickled):
    """Fixed bytes behind a curtain. Subclasses decide how they are made and what they can do."""

    __slots__ = ("_raw",)
    _raw: bytes

    def __init__(self, unsafe_raw: bytes) -> None:
        """`unsafe_raw` is taken unchecked: only the room itself calls this, everybody else decodes."""
        object.__setattr__(self, "_raw", unsafe_raw)

    def encode(self) -> bytes:
        """The bytes themselves. Whoever calls this takes the curtain away."""
        return self._raw

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._raw)} bytes)"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._raw, other._raw)

    def __hash__(self) -> int:
        raise TypeError(f"{type(self).__name__} is no key of a dict")  # Point, often public, brings its own

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} never changes")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} never changes")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
