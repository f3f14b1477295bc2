"""Verbs on drop-offs: sign an order for the service to seal a file, and send the two."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import click

from escrow.cli import as_json
from escrow.cli.app import App, Family, pass_app
from escrow.cli.bars import progress
from escrow.cli.deposit import check_content, choices, record_options, shared_words
from escrow.cli.files import OUT, head, read_file, require_free, write_file
from escrow.cli.kinds import kind_of, reading
from escrow.cli.names import full_case
from escrow.cli.output import answer, say
from escrow.cli.posting import receipt_line
from escrow.client import DropOff, Session
from escrow.errors import MalformedError, UnavailableError
from escrow.model.drop_off import MAX_ORDER_FILE

ANSWER = "receipt.json"
"""Where the line for curl puts the answer."""
SEEN = "The service sees the file while it seals it. To keep it from the service, use `escrow deposit`."


@click.group("drop-off", cls=Family)
def drop_off() -> None:
    """Have the service seal a file, where the charter allows it."""


@drop_off.command("order")
@record_options
@click.option("--out", type=OUT, metavar="FILE", required=True, help="Where the order goes.")
@pass_app
def order(
    app: App, case: str, file: Path, paths: Sequence[str], readers: Sequence[str], title: str | None,
    label: str | None, purpose: str | None, media_type: str | None, replaces: str | None, out: Path,
) -> None:  # fmt: skip
    """Sign an order for one file, and send nothing.

    Works without the service, by the case as this machine last saw it. Whoever sends the order with the
    file, with curl from another machine say, has the service seal and deposit that very file. Prints the
    record's id. The order holds the file's name and title: keep it to yourself.
    """
    require_free(out, force=False)
    check_content(app, file)
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    chosen = choices(paths, readers, purpose)
    offline = _is_out_of_reach(app, session, case)
    words = shared_words(
        app, session, case, file, title=title, label=label, media_type=media_type, replaces=replaces,
        offline=offline,
    )  # fmt: skip
    with progress(app) as shown:
        made = session.prepare_drop_off(case, file, chosen, offline=offline, progress=shown, **words)
    write_file(out, made.dump())
    url = session.courier.url + made.target
    say(app, SEEN, f"Nothing was sent. The order is in {out}; to send it with the file:",
        f"  {curl_line(out, file, url)}",
        f"{ANSWER} then holds the receipt, or says why it was refused.")  # fmt: skip
    answer(app, made.record, {"case": case, "record": made.record, "file": str(out), "url": url})


@drop_off.command("send")
@record_options
@pass_app
def send(
    app: App, case: str, file: Path, paths: Sequence[str], readers: Sequence[str], title: str | None,
    label: str | None, purpose: str | None, media_type: str | None, replaces: str | None,
) -> None:  # fmt: skip
    """Sign an order and send it with the file.

    Prints the record's id once the service has sealed and deposited the file.
    """
    check_content(app, file)
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    chosen = choices(paths, readers, purpose)
    words = shared_words(
        app, session, case, file, title=title, label=label, media_type=media_type, replaces=replaces
    )
    with progress(app) as shown:
        made = session.prepare_drop_off(case, file, chosen, progress=shown, **words)
    _send(app, session, made, file)


@drop_off.command("post")
@click.argument("order", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_app
def post(app: App, order: Path, file: Path) -> None:
    """Send an order made before, with its file.

    The same order again is answered with its first receipt.
    """
    _require_this_way_round(order, file)
    raw = read_file(order, limit=MAX_ORDER_FILE, what="order")
    with reading("order", order, raw):
        made = DropOff.load(raw)
    _send(app, app.session(app.service_of(made.case)), made, file)


def _require_this_way_round(order: Path, file: Path) -> None:
    """MalformedError `order_is_the_other`: whoever drops an order off as a document names two orders."""
    if _begins_as_order(file) and not _begins_as_order(order):
        raise MalformedError("order_is_the_other", field="order", file=str(order), other=str(file))


def _begins_as_order(file: Path) -> bool:
    return kind_of(head(file)) == "order"


def _send(app: App, session: Session, made: DropOff, file: Path) -> None:
    say(app, SEEN)
    with progress(app) as shown:
        receipt = session.send_drop_off(made, file, progress=shown)
    session.case(made.case)  # its dealings are checked like anybody's
    say(app, f"Dropped off {file.name}.", receipt_line(receipt), "The record's id:")
    answer(app, made.record, {**as_json.receipt(receipt), "record": made.record})


def curl_line(order: Path, file: Path, url: str) -> str:
    """What sends the two without this program; the order comes first."""
    parts = f"-F {quote('order=@' + _in_form(order))} -F {quote('document=@' + _in_form(file))}"
    return f"curl --fail-with-body -o {ANSWER} {parts} {quote(url)}"


def _in_form(file: Path) -> str:
    """Where a name has a comma or a semicolon, curl would see two things in it."""
    escaped = str(file).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_out_of_reach(app: App, session: Session, case: str) -> bool:
    try:
        session.case(case)
    except UnavailableError as error:
        if error.code != "service_unreachable":
            raise
        say(app, "The service does not answer: the order goes by the case as it was last seen here.")
        return True
    return False
