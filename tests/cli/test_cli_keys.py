"""Identities and their passphrases: typed by a person, never given, never shown."""

import json

from cli.desk import Table

from escrow.crypto.identity import Identity

WORDS = "correct horse battery staple"


def test_a_passphrase_protects_the_file_and_is_asked_for(table: Table) -> None:
    person = table.person("new", keyless=True)
    made = person.type("keygen", "--passphrase", stdin=f"{WORDS}\n{WORDS}\n", terminal=True)
    card = made.stdout.strip()
    shown = person.type("card", stdin=f"{WORDS}\n", terminal=True)
    assert shown.stdout.strip() == card
    assert WORDS not in made.stdout + made.stderr + shown.stdout + shown.stderr
    assert str(Identity.load(person.key_file.read_text(), WORDS).card) == card


def test_a_wrong_passphrase_is_refused(table: Table) -> None:
    person = table.person("new", keyless=True)
    person.type("keygen", "--passphrase", stdin=f"{WORDS}\n{WORDS}\n", terminal=True)
    result = person.type("--json", "card", status=8, stdin="something else\n", terminal=True)
    assert json.loads(result.stderr.splitlines()[-1])["error"]["code"] == "passphrase_wrong"


def test_a_passphrase_cannot_be_piped_into_keygen(table: Table) -> None:
    person = table.person("new", keyless=True)
    person.type("keygen", "--passphrase", status=8, stdin=f"{WORDS}\n{WORDS}\n")
    assert not person.key_file.exists()


def test_a_card_from_somebody_else_shows_its_fingerprint(table: Table) -> None:
    respondent = table.person("respondent").identity
    assert respondent is not None
    told = table.person("claimant").json("card", str(respondent.card))
    assert told["fingerprint"] == respondent.card.fingerprint


def test_a_card_with_a_wrong_letter_is_refused(table: Table) -> None:
    respondent = table.person("respondent").identity
    assert respondent is not None
    text = str(respondent.card)
    spoilt = text[:-1] + ("q" if text[-1] != "q" else "p")
    assert table.person("claimant").refused("card", spoilt, status=3) == "card_malformed"


def test_an_empty_passphrase_is_told_before_it_is_asked_for_again(table: Table) -> None:
    person = table.person("new", keyless=True)
    made = person.type("keygen", "--passphrase", stdin=f"\n\n{WORDS}\n{WORDS}\n", terminal=True)
    assert "A passphrase is not empty" in made.stderr
    assert "without --passphrase" in made.stderr
    assert str(Identity.load(person.key_file.read_text(), WORDS).card) == made.stdout.strip()


def test_a_passphrase_that_nobody_can_type_is_told_how_it_is_asked_for(table: Table) -> None:
    claimant = table.person("claimant")
    assert claimant.identity is not None
    claimant.key_file.write_text(claimant.identity.dump(WORDS))
    said = claimant.type("card", status=8).stderr
    assert "Run it on a terminal" in said
    assert "Enter it." not in said


def test_who_has_an_identity_is_told_to_keep_it(table: Table) -> None:
    claimant = table.person("claimant")
    said = claimant.type("keygen", status=8).stderr
    assert "You have an identity already" in said
    assert "escrow card" in said
    assert "--force" not in said
    assert claimant.refused("keygen", "--out", str(claimant.key_file), status=8) == "file_exists"


def test_an_identity_put_back_with_too_many_rights_is_not_given_up(table: Table) -> None:
    claimant = table.person("claimant")
    claimant.key_file.chmod(0o644)
    said = claimant.type("card", status=8).stderr
    assert f"Run `chmod 600 {claimant.key_file}`: then it works" in said
    assert said.index("chmod 600") < said.index("new identity")
    claimant.key_file.chmod(0o600)
    claimant.type("card")


def test_an_identity_that_is_a_folder_is_called_a_folder(table: Table) -> None:
    person = table.person("new", keyless=True)
    person.key_file.mkdir()
    said = person.type("card", status=8).stderr
    assert "is a folder" in said
    assert "chmod" not in said
