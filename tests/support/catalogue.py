"""Read off the source which codes the service's rooms raise: what `scripts/generate` keeps as codes.json."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from support.codes import collect

from escrow import errors
from escrow.api.problems import HTTP_CODES, INTERNAL_ERROR
from escrow.words import WORDS, status_of

ROOMS = ("api", "service", "store", "ledger", "model", "policy", "crypto")


def codes() -> dict[str, dict[str, Any]]:
    """Code: the statuses it is answered with, the fields it may carry, the files that raise it."""
    found: dict[str, dict[str, set[Any]]] = defaultdict(
        lambda: {"statuses": set(), "fields": set(), "files": set()}
    )
    for raised in collect():
        file = raised.where.partition(":")[0]
        family = getattr(errors, raised.family, None)
        if file.partition("/")[0] not in ROOMS or family in (None, errors.SetupError, errors.NotFoundError):
            continue
        row = found[raised.code]
        row["statuses"].add(status_of(raised.code, family))
        row["fields"] |= raised.fields
        row["files"].add(file)
    for status, code in {**HTTP_CODES, 500: INTERNAL_ERROR}.items():
        found[code]["statuses"].add(WORDS[code].status or status)
    return {
        code: {name: sorted(values) for name, values in row.items()} for code, row in sorted(found.items())
    }


if __name__ == "__main__":
    Path("escrow/api/codes.json").write_text(json.dumps(codes(), indent=1) + "\n")
