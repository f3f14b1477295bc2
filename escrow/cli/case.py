"""Verbs on a case and its charters."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import click

from escrow.cli import as_json, everywhere, show
from escrow.cli.app import App, Family, pass_app
from escrow.cli.charters import read_draft
from escrow.cli.files import OUT, hand_over, read_file
from escrow.cli.foreign import brief, prose
from escrow.cli.kinds import reading
from escrow.cli.names import full_case, looks_like_id
from escrow.cli.output import answer, ask, moment, say, table
from escrow.cli.posting import check_out, finish, out_options, tell_receipt
from escrow.client import Card, CaseView, CharterView, Invitation, Session
from escrow.client.desk import require_told
from escrow.errors import RefusedError, SetupError

MAX_INVITATION_FILE = 4096

CHARTER = click.Path(path_type=Path)
SERVICE_CARD = click.option(
    "--service-card",
    metavar="CARD",
    help="What the service's people told you; another one is refused. Needed where its key has changed.",
)


@click.group(cls=Family)
def case() -> None:
    """Open a case, invite, join, accept, amend, move to a new service key, show, list."""


@case.command("open")
@click.argument("charter", type=CHARTER)
@click.option(
    "--reference",
    metavar="TEXT",
    help="Your own name for the case, which nobody else learns; the same again gives the same case.",
)
@SERVICE_CARD
@out_options
@pass_app
def open_(
    app: App, charter: Path, reference: str | None, service_card: str | None, out: Path | None, force: bool
) -> None:  # fmt: skip
    """Open a case with the charter in a TOML file, and print the case's id.

    You become its convenor. Next: `escrow case invite CASE SEAT` for every seat.
    """
    if reference is not None and out is not None:
        raise click.UsageError("--reference is for a case that is opened now, and goes without --out.")
    check_out(out, force=force)
    draft = read_draft(charter)
    session = app.session(app.require_service())
    told = None if service_card is None else Card.parse(service_card)
    done = f"Opened. Now invite the holder of each seat: {', '.join(draft.seats)}"
    if reference is not None:
        receipt = session.open_case(draft, service_card=told, reference=reference)
        session.case(receipt.case)  # this home knows it, and by its short name
        _say_service(app, session, told)
        if not receipt.created:
            done = "Your reference has this case already; no other was opened, whatever the charter says."
        tell_receipt(app, receipt, data=receipt.case, facts={}, done=(done,))
        return
    posting = session.prepare_open_case(draft, service_card=told)
    _say_service(app, session, told)
    finish(app, session, posting, out=out, force=force, data=posting.hash, facts={}, done=done)


def _say_service(app: App, session: Session, told: Card | None) -> None:
    """Who this home takes for the service from now on, where nobody has told it."""
    if told is None:
        pinned = session.service()
        say(app, f"The service at {pinned.url} says it is {pinned.card.groups}",
            "From now on no other is taken for it; compare this with its people.")  # fmt: skip


@case.command()
@click.argument("case")
@click.argument("seat")
@click.option("--proposal", metavar="HASH", help="Which charter, where several wait.")
@click.option("--out", type=OUT, metavar="FILE", help="Write the invitation here.  [default: stdout]")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@pass_app
def invite(app: App, case: str, seat: str, proposal: str | None, out: Path | None, force: bool) -> None:
    """Write the invitation for the holder of a seat.

    It holds the case key: whoever has it can read titles, labels and notes of the case (no record). Hand
    it over privately.
    """
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    view = session.case(case)
    if proposal is not None or len(_waiting(view)) > 1:
        proposal = _chosen(
            app, view, [view.charter, *view.proposals], proposal, f"invite {{}} {seat}"
        ).proposal
    made = session.invitations(case, proposal)
    if seat not in made:
        raise RefusedError("seat_not_in_charter", seat=seat, seats=tuple(made))
    say(app, f"For the holder of {seat}, to be handed over privately: it holds the case key. They run:",
        f"  escrow case accept {quote(str(out or 'FILE'))}")  # fmt: skip
    hand_over(app, made[seat].dump(), out, force=force)


@case.command()
@click.argument("invitation", type=CHARTER)
@SERVICE_CARD
@pass_app
def join(app: App, invitation: Path, service_card: str | None) -> None:
    """Check an invitation, remember the case, and show its charter. Signs nothing."""
    view = _join(app, invitation, service_card)[1]
    say(app, f"You hold an invitation to {view.case}. To accept: escrow case accept {show.short(view.case)}")
    answer(app, show.case_lines(view), as_json.case(view))


def _join(app: App, file: Path, service_card: str | None) -> tuple[Session, CaseView, Invitation]:
    raw = read_file(file, limit=MAX_INVITATION_FILE, what="invitation")
    with reading("invitation", file, raw):
        invitation = Invitation.load(raw)
    session = app.session(app.service or invitation.service.url)
    if service_card is not None:
        session.trust(invitation.service, told=Card.parse(service_card))
    return session, session.join(invitation), invitation


@case.command()
@click.argument("case", metavar="CASE|INVITATION")
@click.option("--seat", help="Which of your seats, where you hold several.")
@click.option("--proposal", metavar="HASH", help="Which charter, where several wait.")
@click.option("--yes", is_flag=True, help="Do not ask: the charter and the fingerprints were checked.")
@SERVICE_CARD
@out_options
@pass_app
def accept(
    app: App, case: str, seat: str | None, proposal: str | None, yes: bool, service_card: str | None,
    out: Path | None, force: bool,
) -> None:  # fmt: skip
    """Show a charter, ask, and accept it for your seat.

    Takes the file of an invitation, or a case that you joined. Accepting publishes the keys that your
    identity derives for the seat; deposits begin when every seat has accepted.
    """
    check_out(out, force=force)
    if Path(case).is_file():
        session, view, invitation = _join(app, Path(case), service_card)
        seat, proposal = seat or invitation.seat, proposal or invitation.proposal
    else:
        if not looks_like_id(case):
            raise SetupError("no_such_invitation", file=case)
        case = full_case(app, case)
        session = app.session(app.service_of(case))
        view = session.case(case)
    charters = [view.charter, *view.proposals]
    among = charters if proposal else _for_me(view) or _waiting(view) or [view.charter]
    charter = _chosen(app, view, among, proposal, "accept {}")
    say(app, f"Case {view.case}", f"Service {view.service.url}  {view.service.card.groups}",
        f"Convenor {view.convenor.groups}", *show.charter_lines(charter),
        *show.move_lines(view, charter))  # fmt: skip
    if service_card is not None:
        require_told(charter.charter.service, Card.parse(service_card))
    seats = tuple(one.seat for one in charter.seats)
    if seat is not None and seat not in {*seats, *charter.waiting_for}:
        raise RefusedError("seat_not_in_charter", seat=seat, seats=seats)
    posting = session.prepare_accept(
        view.case, seat=seat, proposal=charter.proposal
    )  # refused before the question
    ask(app, "Have you compared the fingerprints, and do you accept this charter?", yes=yes)
    finish(
        app, session, posting, out=out, force=force, data=view.case, facts={"proposal": charter.proposal},
        done="Accepted.",
    )  # fmt: skip


def _waiting(view: CaseView) -> list[CharterView]:
    return [one for one in (view.charter, *view.proposals) if one.waiting_for]


def _for_me(view: CaseView) -> list[CharterView]:
    """Those that wait for a seat of this party, in the charter itself or in the one that it would replace."""
    return [
        one
        for one in _waiting(view)
        if {seat.seat for seat in one.seats if seat.mine}.union(view.seats).intersection(one.waiting_for)
    ]


def _chosen(
    app: App, view: CaseView, among: Sequence[CharterView], proposal: str | None, verb: str
) -> CharterView:
    """The charter whose id begins so, or the only one. Where it could be several, they are told with the
    commands that name one; `verb` has a place for the case.
    """
    found = [one for one in among if one.proposal.startswith(proposal or "")]
    if not found:
        raise RefusedError("nothing_to_accept", case=view.case)
    if len(found) > 1:
        command = f"  escrow case {verb.format(show.short(view.case))} --proposal "
        say(app, *(command + show.short(one.proposal) for one in found))
        raise RefusedError("proposal_ambiguous", proposals=tuple(one.proposal for one in found))
    return found[0]


@case.command()
@click.argument("case")
@click.argument("charter", type=CHARTER)
@out_options
@pass_app
def amend(app: App, case: str, charter: Path, out: Path | None, force: bool) -> None:
    """Propose another charter, and print its id.

    It comes into force when every holder of a seat in the old and in the new charter has accepted it.
    Records sealed before keep the paths and the seats that they were sealed with.
    """
    check_out(out, force=force)
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    posting = session.prepare_amend(case, read_draft(charter))
    finish(
        app, session, posting, out=out, force=force, data=posting.hash, facts={},
        done="Proposed. Every holder of a seat, old and new, accepts it: escrow case accept",
    )  # fmt: skip


@case.command("move-service")
@click.argument("case")
@click.option(
    "--service-card", metavar="CARD", required=True, help="The new card, as the service's people told you."
)
@out_options
@pass_app
def move_service(app: App, case: str, service_card: str, out: Path | None, force: bool) -> None:
    """Propose the same charter under a new key of the service, and print its id.

    For a key that was changed, stolen or lost. The case goes by the new key once every holder of a seat has
    accepted; until then, and where one does not, the old one stays in force.
    """
    check_out(out, force=force)
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    posting = session.prepare_move(case, Card.parse(service_card))
    finish(
        app, session, posting, out=out, force=force, data=posting.hash, facts={},
        done="Proposed. Every holder of a seat compares the new card and accepts: escrow case accept",
    )  # fmt: skip


@case.command("show")
@click.argument("case")
@pass_app
def show_(app: App, case: str) -> None:
    """Verify a case and show its charter, records, requests and notes."""
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    view, records, requests = session.case(case), session.records(case), session.requests(case)
    lines = [*show.case_lines(view)]
    for title, rows in (("Records", show.record_rows(records)), ("Requests", show.request_rows(requests))):
        lines += ["", title, *(rows or ["  none"])]
    if view.notes:
        lines += ["", "Notes"]
        for one in view.notes:
            seats = tuple(seat.seat for seat in view.charter.seats if seat.card == one.author)
            lines += [f"  {moment(one.received_at)}  {show.who(one.author, seats)}", *prose(one.text)]
    answer(
        app,
        lines,
        {**as_json.case(view), "records": list(map(as_json.record, records)),
         "requests": list(map(as_json.request, requests))},
    )  # fmt: skip


@case.command("list")
@pass_app
def list_(app: App) -> None:
    """List the cases that you have a part in."""
    parts, failed = everywhere.ask_each(app, Session.cases)
    found = [one for part in parts for one in part]
    rows = [
        (
            show.short(one.case),
            brief(one.title, columns=show.TITLE) if one.trouble is None else show.trouble(one.trouble),
            ", ".join(one.seats) or "no seat",
            one.standing.value if one.standing else "",
        )
        for one in found
    ]
    if not rows and not failed:
        say(app, "No cases yet.")
    if any(one.trouble for one in found):
        say(app, "Why a case cannot be shown, and what to do: escrow inbox")
    cases = [as_json.summary(one) for one in found]
    answer(app, table(rows, indent=0), {"cases": cases, "failed": everywhere.as_json(failed)})
    everywhere.conclude(app, failed)
