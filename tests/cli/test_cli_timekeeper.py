"""A timekeeper signs off what is due by date, for readers that the charter fixed, and nothing else."""

from datetime import timedelta

from cli.desk import Table


def _dated(table: Table) -> str:
    """A request to the public by a path that opens in an hour; the claimant has not signed off."""
    table.accepted()
    date = table.service.clock() + timedelta(hours=1)
    record = table.deposited(f"memo:{date:%Y-%m-%dT%H:%M:%SZ}")
    return table.person("claimant").out("request", table.case, record)


def test_before_the_date_nothing_is_signed_off(table: Table) -> None:
    _dated(table)
    assert table.person("respondent").json("timekeeper", "--once") == {"signed_off": [], "failed": []}


def test_what_is_due_is_signed_off_once(table: Table) -> None:
    request = _dated(table)
    table.service.clock.tick(2 * 3600)
    respondent = table.person("respondent")
    done = [{"request": request, "seat": "respondent"}]
    assert respondent.json("timekeeper", "--once") == {"signed_off": done, "failed": []}
    assert respondent.json("timekeeper", "--once") == {"signed_off": [], "failed": []}


def test_a_request_that_names_its_readers_freely_is_left_to_a_person(table: Table) -> None:
    table.accepted()
    table.requested(table.deposited())
    table.service.clock.tick(365 * 86400)
    assert table.person("mediator").json("timekeeper", "--once") == {"signed_off": [], "failed": []}


def test_what_its_seat_has_withdrawn_is_not_signed_off_again(table: Table) -> None:
    request = _dated(table)
    table.service.clock.tick(2 * 3600)
    respondent = table.person("respondent")
    respondent.json("timekeeper", "--once")
    respondent.out("withdraw", table.case, request)
    assert respondent.json("timekeeper", "--once") == {"signed_off": [], "failed": []}
