"""What one card's many hooks, or one case's many entries, do to everybody else."""

import threading
from pathlib import Path

from support import build
from support.delivering import CLAIMANT, ONE, TWO, add, deliverer, later
from support.office import Office
from support.receiver import Receiver

from escrow.model.webhook import Target
from escrow.webhooks.delivering import LINES
from escrow.webhooks.sending import Answer

RESPONDENT = build.SEATS["respondent"]


def flooded(folder: Path, *, hooks_per_card: int) -> Office:
    return Office(
        folder, hooks_per_card=hooks_per_card, webhook_networks=("127.0.0.0/8",), requests_per_s_per_card=0,
        posts_per_s_per_case=0,
    )  # fmt: skip


def test_card_with_many_slow_receivers_does_not_starve_anothers(tmp_path: Path) -> None:
    office = flooded(tmp_path, hooks_per_card=LINES + 4)
    case = office.accepted()
    slow, good = sorted((CLAIMANT, RESPONDENT), key=lambda one: one.card.fingerprint)
    for number in range(LINES + 4):
        add(office, slow, "https://slow.example/", f"{number:032x}")
    add(office, good, "https://good.example/")
    case.note()
    reached = threading.Event()

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        if where.host == "slow.example":
            assert reached.wait(5)  # until the other card was told
        else:
            reached.set()
        return Answer(delivered=True, outcome="status_200")

    assert deliverer(office, send=send).round().waiting == 0


def test_hooks_of_a_card_whose_turn_ended_before_they_were_asked_are_first_in_the_next_round(
    office: Office, receiver: Receiver
) -> None:
    case = office.accepted()
    later(office, hours=1)
    for hook in (ONE, TWO, "3" * 32):
        add(office, CLAIMANT, f"https://r{hook[0]}.example/", hook)
    for _ in range(3):
        case.note()
    asked: list[str] = []

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        asked.append(where.host)
        return Answer(delivered=True, outcome="status_200")

    running = deliverer(office, send=send, turn_s=0)
    assert running.round().delivered == 2
    assert running.round().delivered == 2
    assert len(set(asked)) == 3
