"""Move a case to a new key of its service amid a release, and keep its ledger and what opens the record.

    cd tests && ../.venv/bin/python golden/make_new_key.py new-key-v1

Made once for each version of the formats, and never again: as make.py says.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from golden.make_drop_off import TEXT, keep_release  # noqa: E402
from support import build, dropping  # noqa: E402

from escrow.crypto.identity import Identity  # noqa: E402

NEW, LOST = build.party("new service key"), build.party("key that replaces a lost one")


def main(version: str) -> None:
    """Refuses a version that is there already."""
    target = HERE / version
    target.mkdir()
    case = dropping.case_with_drop_offs()
    chain = case.chain
    assert isinstance(chain, build.MemoryChain)
    chain.clock.now = datetime(2027, 1, 1, tzinfo=UTC)
    made = dropping.dropped(case.state, build.SEATS["claimant"], ordered=TEXT, document=TEXT)
    case.post(build.SERVICE, made.deed)
    request = case.request(made.deed.sealed.body.record, "memo")
    case.sign_off(request, "claimant")
    chain.more = (NEW,)
    move(case, NEW)
    case.sign_off(request, "respondent")
    chain.service, chain.more = LOST, ()
    move(case, LOST)
    case.note()
    keep_release(case, request, target)
    (target / "payload").write_bytes(made.sealed)
    (target / "ledger").write_text("\n".join(chain.entries) + "\n")
    facts = {"case": case.id, "request": request, "cards": [str(card) for _, card in case.state.signed]}
    (target / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


def move(case: build.Case, key: Identity) -> None:
    words = case.state.current.charter
    case.accept_all(case.propose(replace(words, service=replace(words.service, card=key.card))))


if __name__ == "__main__":
    main(sys.argv[1])
