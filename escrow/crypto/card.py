"""A party's card: its Ed25519 public key, as one line that a person can send, paste and compare.

`escrowcard1...` (bech32m). The key is decoded as a point before anything else: under a public key of low
order one signature fits every message. The fingerprint is a hash of the key; people compare the first half of
it aloud.
"""

from dataclasses import dataclass
from typing import Self

from escrow.crypto import bech32m
from escrow.crypto.group import Point
from escrow.crypto.transcript import Label, digest
from escrow.errors import MalformedError
from escrow.words.fingerprint import groups

PREFIX = "escrowcard"


@dataclass(frozen=True, slots=True)
class Card:
    """A checked public key of 32 bytes; MalformedError `point_*` (field `card`) where it is not one."""

    public: bytes

    def __post_init__(self) -> None:
        Point.decode(self.public, field="card")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the one lower-case spelling. MalformedError: `card_malformed`, or `point_*` for a bad key."""
        try:
            public = bech32m.decode(PREFIX, text)
        except ValueError:
            raise MalformedError("card_malformed", field="card") from None
        if text != text.lower():
            raise MalformedError("card_malformed", field="card")
        return cls(public)

    def __str__(self) -> str:
        return bech32m.encode(PREFIX, self.public)

    @property
    def fingerprint(self) -> str:
        """64 hex digits that name this card in statements."""
        return digest(Label.FINGERPRINT, self.public).hex()

    @property
    def groups(self) -> str:
        """What two people read to each other: `ab12 cd34 ...`, 8 groups, 128 bits."""
        return groups(self.fingerprint)
