"""Bech32m (BIP-350): bytes as one line that survives being read aloud, typed and double-clicked.

A prefix that says what it is, the data in a 32-letter alphabet without look-alikes, six letters of checksum.
Strict: one spelling for one value, so any other case, padding, alphabet or length is refused (ValueError;
each caller renames it). Lines longer than the BIP's 90 letters (a key file with a passphrase) lose its
promise to *locate* errors and keep that of finding them.
"""

from collections.abc import Iterable

MAX_LETTERS = 90
MAX_PREFIX = 83

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHECKSUM_LETTERS = 6
_BECH32M = 0x2BC830A3
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _polymod(words: Iterable[int]) -> int:
    check = 1
    for word in words:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ word
        for bit, generator in enumerate(_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check


def _expand(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _regroup(values: Iterable[int], from_bits: int, to_bits: int) -> tuple[list[int], int, int]:
    """Whole groups of `to_bits`, then what is left over: its value and its width in bits."""
    groups, pending, width = [], 0, 0
    for value in values:
        pending, width = pending << from_bits | value, width + from_bits
        while width >= to_bits:
            width -= to_bits
            groups.append(pending >> width)
            pending &= (1 << width) - 1
    return groups, pending, width


def encode(prefix: str, data: bytes) -> str:
    """The one lower-case line for these bytes."""
    words, pending, width = _regroup(data, 8, 5)
    if width:
        words.append(pending << 5 - width)
    check = _polymod([*_expand(prefix), *words, *[0] * _CHECKSUM_LETTERS]) ^ _BECH32M
    words += [check >> 5 * (5 - i) & 31 for i in range(_CHECKSUM_LETTERS)]
    return prefix + "1" + "".join(_ALPHABET[word] for word in words)


def decode_words(text: str, *, max_letters: int = MAX_LETTERS) -> tuple[str, list[int]]:
    """BIP-350's own check: the prefix in lower case and the 5-bit words, or ValueError."""
    if len(text) > max_letters or any(not "!" <= c <= "~" for c in text):
        raise ValueError("length or letters")
    if text not in (text.lower(), text.upper()):
        raise ValueError("mixed case")
    prefix, separator, tail = text.lower().rpartition("1")
    if not separator or not 1 <= len(prefix) <= MAX_PREFIX or len(tail) < _CHECKSUM_LETTERS:
        raise ValueError("no prefix or no checksum")
    words = [_ALPHABET.find(c) for c in tail]
    if -1 in words or _polymod([*_expand(prefix), *words]) != _BECH32M:
        raise ValueError("checksum")
    return prefix, words[:-_CHECKSUM_LETTERS]


def decode(prefix: str, text: str, *, max_letters: int = MAX_LETTERS) -> bytes:
    """The bytes behind a lower- or upper-case line with exactly this prefix, or ValueError."""
    found, words = decode_words(text, max_letters=max_letters)
    data, pending, width = _regroup(words, 5, 8)
    if found != prefix or width >= 5 or pending:
        raise ValueError("prefix or padding")
    return bytes(data)
