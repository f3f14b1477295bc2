"""The six-line story by curl: bodies that `--out` wrote, tokens that `escrow token` made, a real server
process.

What curl posts is all that reaches the service here; the command line only signs, makes tickets, and
opens.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from client.honest import DRAFT
from support.machine import require_program
from support.parties import party

from escrow.cli.demo_stage import Stage

SEATS = ("claimant", "respondent", "mediator")
TEXT = "We agree on 4,000,000."


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stage(tmp_path, quiet=True)) as made:
        made.run("operator", "service", "init", "service", "--bind", made.url.removeprefix("http://"))
        made.start_service("operator", "service")
        yield made


class Curl:
    """curl as one person types it."""

    def __init__(self, stage: Stage) -> None:
        self.program = require_program("curl", "apt-get install curl")
        self.stage = stage

    def __call__(self, person: str, *args: str) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        ran = subprocess.run(
            [self.program, "-sS", "--max-time", "60", "--write-out", "\n%{http_code}", *args],
            cwd=self.stage.folder(person), capture_output=True, text=True, check=True,
        )  # fmt: skip
        body, _, status = ran.stdout.rpartition("\n")
        return int(status), json.loads(body)

    def post(self, person: str, file: str, said: str) -> Any:
        """Post a file with the very line that the verb printed."""
        line = re.search(rf"curl (-H '.*' --data-binary @{re.escape(file)} \S+)", said)
        assert line is not None, said
        header, at, url = re.fullmatch(r"-H '(.*)' --data-binary (\S+) (\S+)", line[1]).groups()  # type: ignore[union-attr]
        status, answer = self(person, "-H", header, "--data-binary", at, url)
        assert status == 201, answer
        return answer

    def bearer(self, person: str) -> tuple[str, str]:
        made = self.stage.run(person, "--service", self.stage.url, "token").out
        return "-H", f"authorization: Bearer {made}"


def _open_and_accept(stage: Stage, curl: Curl) -> str:
    cards = {seat: stage.run(seat, "keygen").out for seat in SEATS}
    stage.run("institution", "keygen")
    stage.write("institution", "charter.toml", DRAFT.format(**cards))
    at = ("--service", stage.url)
    opening = stage.run("institution", *at, "case", "open", "charter.toml", "--out", "opening.json")
    curl.post("institution", "opening.json", opening.err)
    for seat in SEATS:
        stage.run("institution", *at, "case", "invite", opening.out, seat, "--out", f"{seat}.json")
        stage.hand(f"{seat}.json", "institution", seat)
        accepted = stage.run(seat, "case", "accept", f"{seat}.json", "--yes", "--out", "accept.json")
        curl.post(seat, "accept.json", accepted.err)
    return opening.out


def _deposit(stage: Stage, curl: Curl, case: str) -> str:
    stage.write("claimant", "settlement.txt", TEXT)
    args = ("deposit", case, "settlement.txt", "--path", "settlement", "--out", "deposit.json", "--json")
    told = json.loads(stage.run("claimant", *args).out)
    payload = stage.folder("claimant") / told["payload"]
    length = payload.stat().st_size
    bearer = curl.bearer("claimant")
    plan = json.dumps({"length": length, "part_size": length})
    announced = (
        "-X",
        "PUT",
        *bearer,
        "-H",
        "content-type: application/json",
        "--data",
        plan,
        told["upload_url"],
    )
    assert curl("claimant", *announced)[0] == 200
    octets = ("-H", "content-type: application/octet-stream", "--data-binary", f"@{payload.name}")
    assert curl("claimant", "-X", "PUT", *bearer, *octets, f"{told['upload_url']}/parts/1")[0] == 200
    json_body = ("-H", "content-type: application/json", "--data-binary", "@deposit.json", told["url"])
    assert curl("claimant", *json_body)[0] == 201
    return str(told["record"])


def test_the_six_line_story_by_curl(stage: Stage) -> None:
    curl = Curl(stage)
    case = _open_and_accept(stage, curl)
    record = _deposit(stage, curl, case)

    stage.run("arbitrator", "keygen")
    stage.run("claimant", "introduce", case, record, "--out", "introduction.json")
    stage.hand("introduction.json", "claimant", "arbitrator")
    stage.run("arbitrator", "ticket", "introduction.json", "--out", "reader.ticket")
    stage.hand("reader.ticket", "arbitrator", "claimant")
    requested = stage.run(
        "claimant", "request", case, record, "--ticket", "reader.ticket", "--out", "request.json"
    )
    curl.post("claimant", "request.json", requested.err)

    url = f"{stage.url}/v1/cases/{case}/requests/{requested.out}"
    early, problem = curl("arbitrator", *curl.bearer("arbitrator"), f"{url}/bundle")
    assert (early, problem["code"]) == (404, "not_found")

    for seat in ("claimant", "mediator"):
        signed = stage.run(seat, "signoff", case, requested.out, "--yes", "--out", "signoff.json")
        curl.post(seat, "signoff.json", signed.err)

    status, bundle = curl("arbitrator", *curl.bearer("arbitrator"), f"{url}/bundle")
    assert (status, bundle["format"]) == (200, "escrow.bundle.v1")
    opened = stage.run("arbitrator", "open", url, "--ticket", "reader.ticket").out
    assert (stage.folder("arbitrator") / opened).read_text() == TEXT
    assert curl("stranger", f"{url}/bundle")[0] == 404


def test_a_posting_changed_under_way_is_refused_with_a_coded_problem(stage: Stage) -> None:
    curl = Curl(stage)
    cards = {seat: str(party(seat).card) for seat in SEATS}
    stage.run("institution", "keygen")
    stage.write("institution", "charter.toml", DRAFT.format(**cards))
    stage.run("institution", "--service", stage.url, "case", "open", "charter.toml", "--out", "opening.json")
    body = json.loads((stage.folder("institution") / "opening.json").read_text())
    words, _, signature = body["statement"].rpartition(".")
    body["statement"] = f"{words}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    stage.write("institution", "opening.json", json.dumps(body))
    json_body = ("-H", "content-type: application/json", "--data-binary", "@opening.json")
    status, problem = curl("institution", *json_body, f"{stage.url}/v1/cases")
    assert (status, problem["code"]) == (422, "signature_false")
