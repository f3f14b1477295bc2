"""A record that another one replaces: whoever asks for it, or signs off, is told by what and by whom."""

from cli.desk import Person, Table


def replaced(table: Table, by: str) -> tuple[str, str]:
    """The claimant's record, and the one by which this seat replaces it."""
    first, person = table.deposited(), table.person(by)
    return first, answer_to(person, table.case, first)


def answer_to(person: Person, case: str, record: str) -> str:
    person.write("answer.txt", "Not so.")
    return person.out("deposit", case, "answer.txt", "--path", "settlement", "--replaces", record[:8])


def test_signing_off_a_replaced_record_is_warned_of_before_it_is_asked(table: Table) -> None:
    case = table.accepted()
    first, second = replaced(table, "respondent")
    request = table.requested(first)
    asked = table.person("mediator").type("signoff", case, request, status=1, stdin="n\n", terminal=True)
    warning = f"This record was replaced by {second[:12]} of respondent; it is claimant's."
    assert warning in asked.stderr
    assert asked.stderr.index(warning) < asked.stderr.index("Sign off for mediator?")


def test_review_of_a_record_that_was_replaced_tells_programs_by_whom(table: Table) -> None:
    case = table.accepted()
    first, second = replaced(table, "respondent")
    review = table.person("mediator").json("signoff", case, table.requested(first), "--yes")["review"]
    (found,) = review["record"]["replacements"]
    assert (found["record"], found["author_seats"]) == (second, ["respondent"])
    assert second[:12] in review["warnings"][0]["text"]


def test_asking_for_a_replaced_record_is_warned_of(table: Table) -> None:
    case = table.accepted()
    first, second = replaced(table, "claimant")
    refused = table.person("claimant").type("request", case, first, status=4)
    assert f"This record was replaced by {second[:12]} of claimant, its depositor" in refused.stderr
    assert "was replaced" not in table.person("claimant").type("request", case, second, status=4).stderr


def test_record_that_another_party_replaced_is_listed_with_that_party(table: Table) -> None:
    case = table.accepted()
    first, second = replaced(table, "respondent")
    shown = table.person("claimant").out("case", "show", case)
    assert f"replaced by {second[:12]} of respondent" in shown
    assert f"replaces {first[:12]} of claimant" in shown


def test_replacing_another_partys_record_says_whose_it_is(table: Table) -> None:
    case = table.accepted()
    first = table.deposited()
    for name, said in (("respondent", True), ("claimant", False)):
        person = table.person(name)
        person.write("answer.txt", "Not so.")
        result = person.type("deposit", case, "answer.txt", "--path", "settlement", "--replaces", first)
        assert (f"{first[:12]} is claimant's record, not yours." in result.stderr) is said
