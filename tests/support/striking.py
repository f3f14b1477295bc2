"""Run as a program: the real service, with storage that kills its worker on order.

`ESCROW_TEST_STRIKE` names the file of orders. Nothing in escrow/ knows of this. It imports no other helper of
the tests, so that nothing the parties hold in tests is in its memory.
"""

import os
from pathlib import Path
from typing import Any

from store.faulty import FaultyStore, Mode, When

from escrow.api.server import serve
from escrow.config import load_settings
from escrow.store.folder import FolderStore
from escrow.store.interface import Store


class StrikingStore:
    """Passes everything on; reads its orders before each call."""

    def __init__(self, inner: Store, orders: Path) -> None:
        self._inner = inner
        self._orders = orders
        self._last = ""
        self._faulty = FaultyStore(inner, kill_at=0)

    def __getattr__(self, call: str) -> Any:
        found = self._orders.read_text() if self._orders.exists() else ""
        if found != self._last:
            self._last = found
            number, when = found.split() if found else ("0", "before")
            self._faulty = FaultyStore(self._inner, kill_at=int(number), when=When(when), mode=Mode.SIGKILL)
        return getattr(self._faulty, call)


def main() -> None:
    found = load_settings(os.environ)
    store = StrikingStore(FolderStore(found.store), Path(os.environ["ESCROW_TEST_STRIKE"]))
    serve(found, store=store)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
