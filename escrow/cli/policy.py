"""Policies in plain words: who can open, how firmly, and what is left when seats are gone."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from escrow.cli import as_json
from escrow.cli.app import App, Family, pass_app
from escrow.cli.charters import read_draft
from escrow.cli.dates import DateType
from escrow.cli.output import answer, say
from escrow.errors import MalformedError
from escrow.model.path import AudienceKind, PathTemplate
from escrow.policy.explain import DROP_OFFS, Explanation, explain, what_if
from escrow.policy.text import parse
from escrow.policy.tree import Policy


@click.group(cls=Family)
def policy() -> None:
    """Say in plain words what a policy does."""


@policy.command("explain")
@click.argument("text", metavar="[POLICY]", required=False)
@click.option(
    "--charter", type=click.Path(path_type=Path), metavar="FILE", help="Explain every path of a charter."
)
@click.option(
    "--gone", multiple=True, metavar="SEAT", help="What if this seat refuses or loses its key? Repeatable."
)
@click.option("--audience", default="its audience", show_default=True, help="For whom, in your words.")
@click.option("--not-before", type=DateType(), metavar="DATE", help="A date that goes with the policy.")
@pass_app
def explain_(
    app: App,
    text: str | None,
    charter: Path | None,
    gone: Sequence[str],
    audience: str,
    not_before: datetime | None,
) -> None:
    """Explain a policy, such as "2 of (claimant, respondent, mediator)".

    Each condition is labelled: [cryptographic] where nobody can get round it, [procedural] where honest
    custodians keep it.
    """
    if (text is None) == (charter is None):
        raise click.UsageError("Give a POLICY or --charter FILE, one of them.")
    if text is not None:
        found = _explain(_read(app, text), gone, audience, not_before)
        answer(app, str(found).splitlines(), as_json.explanation(found))
        return
    assert charter is not None  # one of the two was given
    draft = read_draft(charter)
    told = {one.template.name: _explain_template(one.template, gone) for one in draft.paths}
    for name in gone:
        if all(name not in one.template.policy.seats for one in draft.paths):
            say(app, f"No path names a seat {name}.")
    lines: list[str] = [*map(str, DROP_OFFS), ""] if draft.drop_off else []
    for one in draft.paths:
        name = one.template.name
        lines += [f"path {name}", *(f"  {line}" for line in str(told[name]).splitlines())]
        if one.template.date_open:
            lines.append(
                "  [procedural] No sign-off is accepted before a date that each deposit sets for itself."
            )
        lines.append("")
    paths = {name: as_json.explanation(found) for name, found in told.items()}
    answer(app, lines[:-1], {"paths": paths, "drop_off": draft.drop_off})


def _read(app: App, text: str) -> Policy:
    """A policy as a person types it. Charters insist on one spelling; here it is enough to say which."""
    try:
        return parse(text)
    except MalformedError as error:
        canonical = error.fields.get("canonical")
        if not isinstance(canonical, str):
            raise
    say(app, f"In a charter it must be spelt: {canonical}")
    return parse(canonical)


def _explain(of: Policy, gone: Sequence[str], audience: str, not_before: datetime | None) -> Explanation:
    if gone:
        return what_if(of, frozenset(gone))
    return explain(of, audience=audience, not_before=not_before)


def _explain_template(template: PathTemplate, gone: Sequence[str]) -> Explanation:
    here = [seat for seat in gone if seat in template.policy.seats]
    return _explain(template.policy, here, _audience(template), template.not_before)


def _audience(template: PathTemplate) -> str:
    match template.audience.kind:
        case AudienceKind.PUBLIC:
            return "the public"
        case AudienceKind.SEATS:
            return ", ".join(template.audience.seats)
        case AudienceKind.NAMED:
            return (
                "the readers that the charter lists"
                if template.audience.cards
                else "the readers that a request names"
            )
