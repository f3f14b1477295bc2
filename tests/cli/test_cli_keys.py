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
