"""`escrow hook` and `escrow webhooks` as people type them, from a service's folder."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support import build
from support.office import Office
from support.receiver import Receiver
from support.wsgi_transport import WsgiTransport

from escrow.cli.app import App
from escrow.cli.main import cli
from escrow.client import Courier, HttpCourier, webhook
from escrow.crypto.identity import Identity


@pytest.fixture
def folder(office: Office, tmp_path: Path) -> Path:
    """The service's folder, as `escrow service init` would make it."""
    now = datetime.now(UTC)
    office.clock.now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    values = {
        "public_url": build.URL, "store": str(office.folder / "store"),
        "service_identity": str(office.settings.service_identity), "hooks_per_card": 3,
        "webhook_networks": ["127.0.0.0/8"], "webhook_ca_file": str(office.settings.webhook_ca_file),
    }  # fmt: skip
    made = tmp_path / "service"
    made.mkdir()
    (made / "service.toml").write_text(
        "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    )
    return made


def run(office: Office, who: Identity, *args: str, status: int = 0) -> Result:
    def courier(url: str, identity: Identity | None) -> Courier:
        return HttpCourier(url, identity, clock=office.clock, transport=WsgiTransport(office.app))

    home = office.folder / who.card.fingerprint
    home.mkdir(exist_ok=True)
    (home / "identity").touch(mode=0o600)
    (home / "identity").write_text(who.dump())
    app = App(home=home, service=build.URL, courier=courier, clock=office.clock)
    result = CliRunner().invoke(cli, list(args), obj=app)
    assert result.exit_code == status, result.stderr
    return result


def answer_of(result: Result) -> Any:
    """The JSON on stdout, where the service in this process writes its log too."""
    return json.loads(result.stdout[result.stdout.index("{\n") :])


def test_from_adding_a_hook_to_removing_it(office: Office, receiver: Receiver, folder: Path) -> None:
    claimant = build.SEATS["claimant"]
    added = answer_of(run(office, claimant, "--json", "hook", "add", receiver.url))
    case = office.accepted()
    done = answer_of(run(office, claimant, "--json", "webhooks", str(folder), "--once"))
    assert done == {"found": 4, "delivered": 4, "failed": 0, "waiting": 0}
    one = receiver.got[0]
    told = webhook.verify(
        one.headers, one.body, added["webhook_key"], owner=added["owner"], hook=added["hook"],
        now=datetime.now(UTC),
    )  # fmt: skip
    assert told.case == case.id
    again = run(office, claimant, "webhooks", str(folder), "--once")
    assert again.stdout == "0 found, 0 delivered, 0 failed, 0 waiting\n"
    assert "all told" in run(office, claimant, "hook", "list").stdout
    assert run(office, claimant, "hook", "remove", added["hook"]).stdout.splitlines()[-1] == added["hook"]
    assert "closed (removed)" in run(office, claimant, "hook", "list").stdout


def test_once_does_not_end_while_a_round_left_something_to_be_found(
    office: Office, receiver: Receiver, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escrow.webhooks.finding.PER_CASE", 1)
    claimant = build.SEATS["claimant"]
    run(office, claimant, "hook", "add", receiver.url)
    office.accepted()
    ran = run(office, claimant, "webhooks", str(folder), "--once")
    assert ran.stdout.splitlines()[-1] == "4 found, 4 delivered, 0 failed, 0 waiting"


def test_lines_for_the_operator_hold_no_address_and_no_party(
    office: Office, receiver: Receiver, folder: Path
) -> None:
    claimant = build.SEATS["claimant"]
    run(office, claimant, "hook", "add", receiver.url)
    office.accepted()
    lines = run(office, claimant, "webhooks", str(folder), "--once").stderr.splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["status_204"] * 4
    assert not any(word in "".join(lines) for word in ("localhost", claimant.card.fingerprint, "claimant"))


def test_url_or_id_that_is_none_is_refused_before_anything_is_sent(office: Office, folder: Path) -> None:
    claimant = build.SEATS["claimant"]
    office.store.calls.clear()
    assert "https://NAME" in run(office, claimant, "hook", "add", "http://x.example/", status=3).stderr
    run(office, claimant, "hook", "add", "https://x.example/", "--id", "x", status=3)
    run(office, claimant, "hook", "remove", "x", status=3)
    assert office.store.calls == []
    run(office, claimant, "hook", "remove", "0" * 32, status=6)


def test_deliverer_with_another_services_identity_or_a_wrong_clock_does_not_begin(
    office: Office, folder: Path, tmp_path: Path
) -> None:
    office.desk.require_own_store()
    key = tmp_path / "other.key"
    key.touch(mode=0o600)
    key.write_text(build.party("other service").dump())
    config = folder / "service.toml"
    own = config.read_text()
    config.write_text(own.replace(str(office.settings.service_identity), str(key)))
    claimant = build.SEATS["claimant"]
    refused = run(office, claimant, "--json", "webhooks", str(folder), "--once", status=8)
    assert "service_identity_of_another_store" in refused.stderr
    config.write_text(own)
    office.clock.now = office.clock.now.replace(year=office.clock.now.year + 1)
    assert (
        "clocks_differ" in run(office, claimant, "--json", "webhooks", str(folder), "--once", status=8).stderr
    )
