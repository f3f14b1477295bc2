"""Make a record by a drop-off, release it to the public, and keep what opens it (`test_golden_drop_off.py`).

    cd tests && ../.venv/bin/python golden/make_drop_off.py drop-off-v1

Made once for each version of the formats, and never again: as make.py says.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from support import build, dropping  # noqa: E402

from escrow.ledger import bundle  # noqa: E402
from escrow.ledger.order import UnverifiedOrder  # noqa: E402
from escrow.model.drop_off import DropOffOrder  # noqa: E402

TEXT = b"Belmarra pays Northquay 2,350,000 by 1 September.\n"


def main(version: str) -> None:
    """Refuses a version that is there already."""
    target = HERE / version
    target.mkdir()
    case = dropping.case_with_drop_offs()
    case.chain.clock.now = datetime(2027, 1, 1, tzinfo=UTC)  # type: ignore[attr-defined]
    file = dropping.order_file(case.state, build.SEATS["claimant"], TEXT)
    order = DropOffOrder.parse(UnverifiedOrder.parse(file.order).untrusted_jws.payload)
    made = dropping.carry_out(case.state, file, order, TEXT)
    case.post(build.SERVICE, made.deed)
    request = case.request(order.record, "memo")
    case.sign_off(request, "claimant", "respondent")
    keep_release(case, request, target)
    (target / "payload").write_bytes(made.sealed)
    (target / "order.json").write_bytes(file.dump())
    facts = {"case": case.id, "request": request, "depositor": build.SEATS["claimant"].card.fingerprint}
    (target / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


def keep_release(case: build.Case, request: str, target: Path) -> None:
    """The bundle of a request that was released."""
    parts = bundle.select(case.state, request)
    entries = [case.chain.entries[n] for n in parts.entries]  # type: ignore[attr-defined]
    raw = bundle.compose(entries, {one: case.shares[one] for one in parts.shares})
    (target / "bundle.json").write_bytes(raw)


if __name__ == "__main__":
    main(sys.argv[1])
