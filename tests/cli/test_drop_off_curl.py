"""A drop-off by curl: the very line that `escrow drop-off order` printed, to a real server process."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from client.honest import DRAFT
from support.machine import require_program

from escrow.cli.demo_stage import Stage

SEATS = ("claimant", "respondent", "mediator")
LARGE = "Clause by clause, all that we agreed on.\n" * 60_000
"""Long enough that curl asks first whether it may send (Expect: 100-continue)."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stage(tmp_path, quiet=True)) as made:
        made.run("operator", "service", "init", "service", "--bind", made.url.removeprefix("http://"))
        settings = made.folder("operator") / "service/service.toml"
        settings.write_text(f"drop_off_bytes = {4 * 1024 * 1024}\n" + settings.read_text())
        made.start_service("operator", "service")
        yield made


def opened(stage: Stage) -> str:
    cards = {seat: stage.run(seat, "keygen").out for seat in SEATS}
    stage.run("institution", "keygen")
    draft = DRAFT.replace("\n[seats]", "drop_off = true\n\n[seats]", 1).format(**cards)
    stage.write("institution", "charter.toml", draft)
    case = stage.run("institution", "--service", stage.url, "case", "open", "charter.toml").out
    for seat in SEATS:
        stage.run("institution", "case", "invite", case, seat, "--out", f"{seat}.json")
        stage.hand(f"{seat}.json", "institution", seat)
        stage.run(seat, "case", "accept", f"{seat}.json", "--yes")
    stage.run("claimant", "case", "show", case)
    return case


@pytest.mark.parametrize("text", ["Yes.", LARGE], ids=["small", "large"])
def test_what_curl_drops_off_is_deposited_once_and_opens_to_the_same_file(stage: Stage, text: str) -> None:
    require_program("curl", "apt-get install curl")
    case = opened(stage)
    stage.write("claimant", "settlement; final, v2.txt", text)
    order = ("drop-off", "order", case, "settlement; final, v2.txt", "--path", "memo:2026-01-01")
    made = stage.run("claimant", *order, "--out", "order.json")
    line = next(line for line in made.err.splitlines() if line.strip().startswith("curl "))
    receipts = [posted(stage, line) for _ in range(2)]
    assert [status for status, _ in receipts] == [201, 200]
    assert receipts[0][1] == receipts[1][1]
    request = stage.run("respondent", "request", case, made.out, "--path", "memo", "--purpose", "x").out
    for seat in ("claimant", "respondent"):
        stage.run(seat, "signoff", case, request, "--yes")
    stage.run("journalist", "--service", stage.url, "open", case, request, "--out", "read.txt")
    assert (stage.folder("journalist") / "read.txt").read_text() == text


def posted(stage: Stage, line: str) -> tuple[int, str]:
    command = [*shlex.split(line), "-sS", "--max-time", "120", "--write-out", "\n%{http_code}"]
    ran = subprocess.run(command, cwd=stage.folder("claimant"), capture_output=True, text=True, check=True)
    answer = (stage.folder("claimant") / "receipt.json").read_text()
    return int(ran.stdout), json.loads(answer)["receipt"]
