"""Make the test vectors again, from labelled seeds and nothing else. See README.md here.

    .venv/bin/python tests/vectors/generate.py [--check]

Undo: git checkout tests/vectors. Inside this process randomness is replaced by a stream named after the file,
and the library's ML-KEM encapsulation, which draws its own coins, by the slow twin.
"""

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "crypto"), str(HERE)]

import mlkem_twin  # noqa: E402
import vector_cases  # noqa: E402

from escrow.crypto import kem, randomness  # noqa: E402

Vector = dict[str, object]


@contextlib.contextmanager
def fixed_randomness(name: str) -> Iterator[None]:
    """All randomness of the room from one stream."""
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(f"{name} {drawn}".encode()).digest(size)

    def encapsulate(public: bytes) -> tuple[bytes, bytes]:
        return mlkem_twin.encapsulate(kem.check_public(public), draw(32))

    with (
        mock.patch.object(randomness, "random_bytes", draw),
        mock.patch.object(kem, "encapsulate", encapsulate),
    ):
        yield


def plain(value: object) -> object:
    """As JSON says it: bytes as hex."""
    match value:
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def render(name: str) -> str:
    """The text of one file."""
    make: Callable[[], list[Vector]] = getattr(vector_cases, name)
    with fixed_randomness(name):
        numbered = [{"id": i, **vector} for i, vector in enumerate(make(), start=1)]
    lines = ",\n".join(json.dumps(plain(vector), ensure_ascii=False) for vector in numbered)
    return f"[\n{lines}\n]\n"


def main() -> int:
    changed = []
    for name in vector_cases.NAMES:
        path, text = HERE / f"{name}.json", render(name)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        changed.append(path.name)
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    print("\n".join(changed) or "no difference")
    return 1 if changed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
