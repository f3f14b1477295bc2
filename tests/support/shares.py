"""How test processes share the work: long rooms first, so that none is left alone with one at the end."""

from typing import Final

import pytest
from xdist.scheduler import LoadFileScheduling

LONG: Final = ("tests/system/", "tests/infra/", "tests/guides/", "tests/store/", "tests/cli/", "tests/api/")
"""What takes longest comes first; whatever is not here is done in seconds."""
_TOGETHER: Final = "tests/infra/"


class Shares(LoadFileScheduling):
    """A file is done by one process, and so are all that need the site of infra/compose.yaml."""

    def _split_scope(self, nodeid: str) -> str:
        return _TOGETHER if nodeid.startswith(_TOGETHER) else super()._split_scope(nodeid)


def rank(item: pytest.Item) -> int:
    """Where a test's room comes in the order."""
    ranks = (rank for rank, room in enumerate(LONG) if item.nodeid.startswith(room))
    return next(ranks, len(LONG))
