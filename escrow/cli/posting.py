"""Send a signed statement, or write it where `--out` says: the end of every verb that writes.

The file of `--out` is the exact body to POST, so curl, another machine or `escrow send` can carry it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

import click

from escrow.cli import as_json
from escrow.cli.app import App
from escrow.cli.files import OUT, require_free, write_file
from escrow.cli.output import answer, moment, say
from escrow.client import Posting, Receipt, Session

F = TypeVar("F", bound=Callable[..., Any])


def out_options(function: F) -> F:
    """`--out FILE` and `--force`, in this order in the help."""
    function = click.option("--force", is_flag=True, help="Replace FILE if it is there.")(function)
    return click.option(
        "--out", type=OUT, metavar="FILE", help="Send nothing: write the signed statement, ready to POST."
    )(function)


def post_url(service: str, posting: Posting) -> str:
    return service + posting.target


def finish(
    app: App,
    session: Session,
    posting: Posting,
    *,
    out: Path | None,
    force: bool,
    data: str,
    facts: dict[str, Any],
    done: str,
    then: Sequence[str] = (),
) -> None:
    """Send or write. `data` goes to stdout, `done` and what comes `then` to people, `facts` into the JSON
    answer beside the receipt.
    """
    if out is None:
        receipt = session.send(posting)
        if posting.case is None:
            session.case(receipt.case)  # from now on this home knows the case, and by its short name
        tell_receipt(app, receipt, data=data, facts=facts, done=(done, *then))
        return
    url = post_url(session.courier.url, posting)
    write_posting(app, posting, out, url, force=force)
    answer(app, data, {**as_json.written(posting, out, url), **facts})


def tell_receipt(
    app: App, receipt: Receipt, *, data: str, facts: dict[str, Any], done: Sequence[str]
) -> None:
    """Of what was sent. As `finish`."""
    say(app, *done, receipt_line(receipt))
    answer(app, data, {**as_json.receipt(receipt), **facts})


def write_posting(app: App, posting: Posting, out: Path, url: str, *, force: bool) -> None:
    write_file(out, posting.dump(), force=force)
    say(
        app,
        f"Nothing was sent. The signed statement is in {out}; to send it: escrow send {quote(str(out))}, or",
        f"  {curl_post(out, url)}",
    )


def curl_post(file: Path, url: str) -> str:
    return f"curl -H 'content-type: application/json' --data-binary @{quote(str(file))} {quote(url)}"


def receipt_line(receipt: Receipt) -> str:
    again = "" if receipt.created else "  (it had been sent before)"
    return f"Receipt: entry {receipt.n}, {moment(receipt.received_at)}{again}"


def check_out(out: Path | None, *, force: bool) -> None:
    """Refuse a taken file name before anything is signed."""
    if out is not None:
        require_free(out, force=force)
