"""The one source of randomness of this room: libsodium's, which is the operating system's.

Not an argument of sealing, dealing or proving, on purpose: a source that a caller can choose is a source that
a caller can repeat, and repeated nonces give keys away. The generator of the test vectors replaces this one
name. Always call it as `randomness.random_bytes`, so that replacing it works.
"""

from nacl.utils import random


def random_bytes(size: int) -> bytes:
    """`size` fresh unpredictable bytes."""
    fresh: bytes = random(size)
    return fresh
