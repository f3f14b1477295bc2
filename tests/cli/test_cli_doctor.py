"""`escrow doctor` as it is typed: exit codes, words, and JSON that a monitor reads."""

import json

from cli.desk import Person, Table


def operator(table: Table) -> Person:
    found = table.person("operator")
    found.type("service", "init", "here", "--bind", "127.0.0.1:9")
    return found


def test_service_without_faults_ends_with_0_and_each_line_says_what_to_do(table: Table) -> None:
    told = operator(table).type("doctor", "here")
    lines = told.stdout.splitlines()
    assert not [line for line in lines if line.startswith("FAULT")]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith(("warning", "note")):
            assert following.strip().startswith("-> ")
    assert "Faults: 0." in told.stderr


def test_fault_ends_with_8_and_a_program_is_told_its_code(table: Table) -> None:
    person = operator(table)
    (person.folder / "here/identity").chmod(0o644)
    told = person.told("doctor", "here", "--json", status=8)
    assert told["fault"] == 1
    (one,) = (one for one in told["findings"] if one["state"] == "fault")
    assert one["code"] == "service_identity_exposed"
    assert one["remedy"]
    assert set(one) == {"state", "area", "code", "message", "remedy", "fields"}


def test_settings_by_file_are_the_same_as_by_folder(table: Table) -> None:
    person = operator(table)
    by_file = person.json("doctor", "--config", "here/service.toml")["findings"]
    assert [one["code"] for one in by_file] == [
        one["code"] for one in person.json("doctor", "here")["findings"]
    ]


def test_folder_and_file_together_are_wrong_usage(table: Table) -> None:
    operator(table).type("doctor", "here", "--config", "here/service.toml", status=2)


def test_folder_that_is_not_there_is_told(table: Table) -> None:
    assert table.person("operator").refused("doctor", "nowhere", status=8) == "service_folder_missing"


def test_file_that_is_no_toml_is_a_finding(table: Table) -> None:
    person = table.person("operator")
    person.write("service.toml", "public_url = ")
    told = json.loads(person.type("--json", "doctor", "--config", "service.toml", status=8).stdout)
    assert [one["code"] for one in told["findings"]] == ["config_unreadable"]
