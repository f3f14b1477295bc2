"""Verbs about oneself: an identity, its card, a token for reading."""

from pathlib import Path

import click

from escrow.cli import as_json
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.files import OUT, require_free, write_file
from escrow.cli.output import answer, say
from escrow.client import Card, Identity
from escrow.errors import SetupError


@click.command(cls=Verb)
@click.option("--out", type=OUT, metavar="FILE", help="Where to write it.  [default: identity in --home]")
@click.option("--passphrase", is_flag=True, help="Ask for a passphrase, needed whenever the file is used.")
@pass_app
def keygen(app: App, out: Path | None, passphrase: bool) -> None:
    """Make your identity, a secret key file.

    Prints your card, which you give to whoever convenes the case. The file is you: your signature, your
    part in every record. Keep a copy in a safe place; nobody can make it again. An existing file is never
    replaced.
    """
    path = out or app.identity_path
    if out is None and path.exists():
        raise SetupError("identity_exists", path=str(path))
    require_free(path, force=False)
    if passphrase and not app.someone_is_there():
        raise SetupError("passphrase_without_terminal")
    words = _ask_passphrase() if passphrase else None
    identity = Identity.generate()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, (identity.dump(words) + "\n").encode())
    card = identity.card
    say(
        app,
        f"Your identity is in {path}: keep it secret, and keep a copy in a safe place.",
        f"Fingerprint, to be compared aloud: {card.groups}",
        "Your card, to give to others:",
    )
    answer(app, str(card), {"identity": str(path), **as_json.card(card)})


def _ask_passphrase() -> str:
    """Twice the same one. click asks again in silence where nothing is typed, unless nothing is a default."""

    def told(words: str) -> str:
        if not words:
            raise click.UsageError(
                "A passphrase is not empty. Who wants none stops here, and runs it without --passphrase."
            )
        return words

    typed: str = click.prompt(
        "Passphrase", hide_input=True, confirmation_prompt=True, err=True, default="", show_default=False,
        value_proc=told,
    )  # fmt: skip
    return typed


@click.command(cls=Verb)
@click.argument("text", metavar="[CARD]", required=False)
@pass_app
def card(app: App, text: str | None) -> None:
    """Print your card, the public half that you give to others.

    With CARD, checks that one instead and shows its fingerprint.
    """
    found = app.identity().card if text is None else Card.parse(text.strip())
    say(app, f"Fingerprint: {found.groups}")
    answer(app, str(found), as_json.card(found))


@click.command(cls=Verb)
@pass_app
def token(app: App) -> None:
    """Print a short-lived token for reading with curl.

    It is good for four minutes, at one service, for reading what your card may read:

    \b
      curl -H "authorization: Bearer $(escrow token)" $ESCROW_SERVICE/v1/inbox
    """
    url = app.services()[0] if app.service is None else app.require_service()
    made = app.session(url).token()
    answer(app, made, {"token": made, "service": url})
