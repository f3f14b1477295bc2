"""The sealed bytes of a deposit that was written with `--out`: where they lie, and how curl brings them
up.
"""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote

MAX_PART = 64 * 1024 * 1024
"""The largest part that a service takes."""


def sealed_beside(posting: Path) -> Path:
    """The file of sealed bytes that belongs to a posting's file."""
    return posting.with_name(posting.name + ".payload")


def curl_lines(sealed: Path, url: str, length: int) -> Iterator[str]:
    """Commands that announce an upload and bring it: one part, or as many as it takes."""
    part = min(length, MAX_PART)
    bearer = '-H "authorization: Bearer $(escrow token)"'
    yield f"  curl -X PUT {bearer} -H 'content-type: application/json' \\"
    yield f'    --data \'{{"length": {length}, "part_size": {part}}}\' {quote(url)}'
    octets = "-H 'content-type: application/octet-stream'"
    name = quote(str(sealed))
    if length <= MAX_PART:
        yield f"  curl -X PUT {bearer} {octets} --data-binary @{name} \\"
        yield f"    {quote(url + '/parts/1')}"
        return
    count = -(-length // MAX_PART)
    yield f"  split --bytes={MAX_PART} --numeric-suffixes=1 --suffix-length=5 {name} {name}."
    yield f"  for n in $(seq 1 {count}); do curl -X PUT {bearer} {octets} \\"
    yield f'    --data-binary @{name}.$(printf %05d "$n") {quote(url + "/parts/")}$n; done'
