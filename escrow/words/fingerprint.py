"""How a card is shown where two people compare it."""

from typing import Final

_DIGITS: Final = 64
_SPOKEN: Final = 32
"""Digits that are read aloud: 128 bits."""


def groups(fingerprint: str) -> str:
    """`ab12 cd34 ...`: the spoken half in 8 groups. What is no fingerprint stays as it is."""
    if len(fingerprint) != _DIGITS:
        return fingerprint
    return " ".join(fingerprint[at : at + 4] for at in range(0, _SPOKEN, 4))
