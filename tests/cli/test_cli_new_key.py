"""A new key of the service, as people meet it: what is refused, what they are shown before they say yes."""

from cli.desk import Table
from support.build import SERVICE, party

NEW, THIEF = party("new service key"), party("thief")
OTHERS = ("claimant", "respondent", "mediator")


def proposed(table: Table) -> tuple[str, str]:
    """A case, and the proposal to move it."""
    case = table.accepted()
    table.service.new_key(NEW)
    convenor = table.person("institution")
    return case, convenor.out("case", "move-service", case, "--service-card", str(NEW.card))


def test_move_to_a_card_that_the_service_does_not_show_is_not_proposed(table: Table) -> None:
    case = table.accepted()
    table.service.new_key(NEW)
    move = ("case", "move-service", case, "--service-card")
    assert table.person("institution").refused(*move, str(THIEF.card), status=5) == "service_card_not_as_told"
    assert table.person("institution").refused(*move, str(SERVICE.card), status=4) == "charter_unchanged"


def test_new_key_is_shown_beside_the_old_one_before_the_yes(table: Table) -> None:
    case, proposal = proposed(table)
    mediator = table.person("mediator")
    told = mediator.type("case", "accept", case, status=1, stdin="n\n", terminal=True).stderr
    assert "NEW KEY" in told
    assert f"now   {SERVICE.card.groups}" in told
    assert f"then  {NEW.card.groups}" in told
    assert mediator.json("case", "show", case)["proposals"][0]["proposal"] == proposal
    assert "NEW KEY" in mediator.out("case", "show", case)


def test_yes_with_another_card_than_the_charter_s_is_refused_before_anything_is_signed(table: Table) -> None:
    case, _ = proposed(table)
    accept = ("case", "accept", case, "--yes", "--service-card")
    assert table.person("mediator").refused(*accept, str(THIEF.card), status=5) == "service_card_not_as_told"


def test_case_is_moved_by_every_seat_and_goes_on(table: Table) -> None:
    case, _ = proposed(table)
    for seat in OTHERS:
        table.person(seat).type("case", "accept", case, "--yes", "--service-card", str(NEW.card))
    claimant = table.person("claimant")
    assert claimant.json("case", "show", case)["service"]["card"] == str(NEW.card)
    claimant.type("note", case, "under the new key")
    claimant.type("verify", case)


def test_invitation_under_a_card_other_than_the_known_one_needs_the_card_that_people_tell(
    table: Table,
) -> None:
    table.accepted()
    table.service.new_key(NEW)
    convenor = table.person("institution")
    opened = ("--service", "https://escrow.example", "case", "open", "charter.toml")
    assert convenor.refused(*opened, status=5) == "service_card_differs"
    case = convenor.out(*opened, "--service-card", str(NEW.card))
    claimant = table.person("claimant")
    claimant.write("second.json", convenor.out("case", "invite", case, "claimant"))
    assert claimant.refused("case", "accept", "second.json", "--yes", status=5) == "service_card_differs"
    claimant.type("case", "accept", "second.json", "--yes", "--service-card", str(NEW.card))
