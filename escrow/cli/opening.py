"""Open a released record, or fetch it to open later: as a seat, as a named reader, or as anybody."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote

import click

from escrow.cli import as_json, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.bars import progress
from escrow.cli.files import head
from escrow.cli.foreign import brief
from escrow.cli.kinds import explained
from escrow.cli.names import full_case, full_request, looks_like_id
from escrow.cli.output import answer, moment, say, size, table
from escrow.cli.readers import MAX_TICKET_FILE, find_request, read_ticket
from escrow.client import Fault, Identity, Opened, fetch_release, open_files, open_release
from escrow.client.carrying import Parcel, Release, parcel_in, read_label
from escrow.errors import ForgedError, MalformedError, NotFoundError, RefusedError
from escrow.ledger.jws import UnverifiedJws
from escrow.ledger.replay import extend
from escrow.ledger.state import CaseState
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId
from escrow.words.fingerprint import groups

_URL = re.compile(
    rf"(https?://[!-~]+?)/v1/cases/([0-9a-f]{{{2 * CASE_BYTES}}})/requests/([0-9a-f]{{{2 * HASH_BYTES}}})"
)


_ANYONE = click.option(
    "--anyone", is_flag=True, help="Use no identity, even if there is one: for what is public."
)
_FILE = click.Path(path_type=Path)


@click.command("open", cls=Verb)
@click.argument("case", metavar="CASE|URL|FOLDER")
@click.argument("request", required=False)
@click.option(
    "--out",
    type=_FILE,
    default=Path(),
    metavar="FILE|DIR",
    show_default="here",
    help="Where to put the document; in a folder it gets the depositor's name for it.",
)
@click.option(
    "--ticket", type=_FILE, metavar="FILE", help="Your ticket: insist that the request carries this very one."
)
@click.option("--bundle", type=_FILE, metavar="FILE", help="Ask no service: take the bundle from here.")
@click.option("--payload", type=_FILE, metavar="FILE", help="With --bundle: the payload that belongs to it.")
@_ANYONE
@click.option("--force", is_flag=True, help="Replace the document if it is there.")
@pass_app
def open_(
    app: App, case: str, request: str | None, out: Path, ticket: Path | None, bundle: Path | None,
    payload: Path | None, anyone: bool, force: bool,
) -> None:  # fmt: skip
    """Fetch a released record, check everything, and open it.

    Takes the request's URL, or CASE and REQUEST, or a folder that `escrow fetch` wrote (no network). Named
    readers need their identity; what was released to the public opens without one. Nothing is believed: the
    history from the case's id on, every sign-off, the key and every byte are checked, and the document
    appears only when all of it is right. A case that this home knows is compared with what it knows.
    """
    release, parcel = _target(app, case, request, bundle, payload)
    carried = None if ticket is None else read_ticket(ticket)
    identity = None if anyone else app.maybe_identity()
    if carried is not None and identity is not None:
        _require_own(carried, identity)
    with _explained(app), progress(app) as shown:
        if parcel is not None:
            with _naming(parcel):
                found = open_files(
                    parcel.bundle, parcel.payload, release.case, release.request, out, identity=identity,
                    ticket=carried, overwrite=force, progress=shown, known=_remembered(app, release.case),
                )  # fmt: skip
        else:
            found = open_release(
                app.line(release.service, identity), release.case, release.request, out,
                identity=identity, ticket=carried, overwrite=force, progress=shown,
                known=_followed(app, release, identity),
            )  # fmt: skip
    say(app, *_lines(found))
    if parcel is not None:
        say(
            app,
            "No service was asked. Its case is the one above: compare it with the one that you were told.",
        )
    answer(app, str(found.path), as_json.opened(found))


@click.command(cls=Verb)
@click.argument("case", metavar="CASE|URL")
@click.argument("request", required=False)
@click.option(
    "--out", type=_FILE, metavar="FOLDER", help="[default: release- and the request's first digits]"
)
@_ANYONE
@pass_app
def fetch(app: App, case: str, request: str | None, out: Path | None, anyone: bool) -> None:
    """Fetch a released record to keep or to carry, without opening it.

    Checks and saves all that opening it will ever need beside the reader's identity: `escrow open FOLDER`
    then asks no service. What was interrupted goes on where it stopped.
    """
    release, _ = _target(app, case, request, None, None)
    folder = out or Path(f"release-{show.short(release.request)}")
    identity = None if anyone else app.maybe_identity()
    with _explained(app), progress(app) as shown:
        courier = app.line(release.service, identity)
        found = fetch_release(courier, release.case, release.request, folder, progress=shown)
    say(
        app,
        f"Fetched and checked, {size(found.length)}. Its reader opens it: escrow open {quote(str(folder))}",
    )
    answer(app, str(folder), {
        "folder": str(folder), "case": release.case, "request": release.request,
        "bundle": str(found.bundle), "payload": str(found.payload), "size_bytes": found.length,
    })  # fmt: skip


def _require_own(ticket: str, identity: Identity) -> None:
    """RefusedError `ticket_of_another`. Only whose it says it is matters here: opening checks the ticket."""
    token = UnverifiedJws.parse(ticket, limit=MAX_TICKET_FILE, field="ticket")
    own = identity.card
    if token.kid != own.fingerprint:
        raise RefusedError("ticket_of_another", card=groups(token.kid), own=own.groups)


@contextmanager
def _explained(app: App) -> Iterator[None]:
    """What a service says of what one may not see is not all that there is to say."""
    try:
        yield
    except NotFoundError:
        say(app, "Not released yet, not released to you, or not there: the three look alike from outside.")
        raise


@contextmanager
def _naming(parcel: Parcel) -> Iterator[None]:
    """A file that is cut off or false is named: MalformedError as `kinds.reading`, and of the payload all
    that opening it refuses.
    """
    try:
        yield
    except ForgedError as error:
        if error.code.startswith("payload_"):
            error.where = str(parcel.payload)
        raise
    except MalformedError as error:
        if not str(error.fields.get("field")).startswith("bundle"):
            raise
        raise explained("bundle", parcel.bundle, head(parcel.bundle)) from error


def _target(
    app: App, case: str, request: str | None, bundle: Path | None, payload: Path | None
) -> tuple[Release, Parcel | None]:
    """Which release, and the files that it is to be opened from, if any: then no service is asked."""
    if (bundle is None) != (payload is None):
        raise click.UsageError("--bundle and --payload go together.")
    carried = None if bundle is None or payload is None else Parcel(bundle=bundle, payload=payload)
    if request is not None:
        return _from_names(app, case, request, offline=carried is not None), carried
    if (found := _URL.fullmatch(case)) is not None:
        return Release(service=found[1], case=found[2], request=found[3]), carried
    if carried is None and Path(case).is_dir():
        return read_label(Path(case)), parcel_in(Path(case))
    raise click.UsageError(_no_release(case))


def _no_release(text: str) -> str:
    """What is wrong with a single argument that names no release."""
    if text.startswith(("http://", "https://")):
        return (
            "That URL is cut off or changed: a release's ends in /v1/cases/CASE/requests/REQUEST, "
            f"each {2 * HASH_BYTES} digits long."
        )
    if not looks_like_id(text):
        return f"There is no folder {text}; or give the request's URL, or CASE and REQUEST."
    return "Give the request's URL, or CASE and REQUEST, or a folder that `escrow fetch` wrote."


def _from_names(app: App, case: str, request: str, *, offline: bool) -> Release:
    case = full_case(app, case)
    if offline:
        return Release(service="", case=case, request=full_request(request, ()))
    url = app.service_of(case)
    if len(request) < 2 * HASH_BYTES:
        request = find_request(app.session(url), case, request)
    return Release(service=url, case=case, request=full_request(request, ()))


def _followed(app: App, release: Release, identity: Identity | None) -> CaseState | None:
    """The case as it stands, where this home knows it: a service may not show its readers another one."""
    if release.case not in app.memory().cases():
        return None
    if identity is None:
        return _remembered(app, release.case)
    with suppress(NotFoundError):  # whoever held a seat in this home, it is not this identity
        return app.session(release.service).known(release.case).state
    return _remembered(app, release.case)


def _remembered(app: App, case: CaseId) -> CaseState | None:
    """As far as this home has seen it, asking nobody."""
    state: CaseState | None = None
    for raw in app.memory().entries(case):
        state = extend(state, raw, proofs=False)  # they were checked when they were written here
    return state


def _lines(it: Opened) -> list[str]:
    """What the depositor said of it, and who sent something false on the way."""
    rows = [
        ("case", it.case),
        ("title", brief(it.metadata.title, columns=show.TITLE)),
        ("deposited by", it.depositor.groups),
        ("released", moment(it.released_at)),
        ("size", size(it.metadata.length)),
    ]
    lines = ["Opened; every signature, share and byte was checked.", *table(rows)]
    return lines + [f"  {fault_line(one)}" for one in it.faults]


def fault_line(it: Fault) -> str:
    """Who sent something false, where that is proven; nobody is blamed for what only did not come."""
    if it.code == "share_object_missing":
        return f"What {it.seat} handed over did not come ({it.code}): ask the service. The others sufficed."
    if not it.seat:
        return f"Its depositor sealed a description that is of no use ({it.code}); the document is whole."
    if it.author is None:
        return f"The sign-off of {it.seat} was no help ({it.code}); the others sufficed."
    return f"{it.seat} ({it.author.groups}) sent something false ({it.code}); the others sufficed."
