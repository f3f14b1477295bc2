"""The table of verbs: name, one line, and the file that holds it. Nothing is imported until a verb is called.

The line here is the first sentence of the verb's own help; a test compares the two.
"""

from collections.abc import Mapping
from importlib import import_module

import click

SECTIONS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "You",
        {
            "keygen": "Make your identity, a secret key file.",
            "card": "Print your card, the public half that you give to others.",
            "inbox": "List what waits for you in your cases.",
            "hook": "Have a URL told when your cases grow.",
        },
    ),
    (
        "Cases and records (who convenes a case or holds a seat)",
        {
            "case": "Open a case, invite, join, accept, amend, move to a new service key, show, list.",
            "deposit": "Seal a file on this machine and deposit it.",
            "drop-off": "Have the service seal a file, where the charter allows it.",
            "report": "Check your envelopes in all records, and report bad ones.",
            "introduce": "Write an introduction for a reader who holds no seat.",
            "request": "Ask for the release of one record by one of its paths.",
            "signoff": "Review a request and sign it off.",
            "withdraw": "Take a sign-off back before the request is released.",
            "note": "Leave a note for all seats of a case.",
        },
    ),
    (
        "Readers (a seat, a named reader, or anyone once a record is public)",
        {
            "ticket": "Make your ticket from an introduction (no network).",
            "open": "Fetch a released record, check everything, and open it.",
            "fetch": "Fetch a released record to keep or to carry, without opening it.",
        },
    ),
    (
        "Checking and carrying (anyone)",
        {
            "policy": "Say in plain words what a policy does.",
            "inspect": "Explain a file of this program, without any key.",
            "verify": "Check a whole case through its service.",
            "audit": "Audit a case or a downloaded store, fault by fault.",
            "send": "Post a file that --out wrote.",
            "token": "Print a short-lived token for reading with curl.",
        },
    ),
    (
        "Operators",
        {
            "serve": "Run the service.",
            "service": "Set a service up.",
            "settings": "Print every setting of a service: meaning, default, bounds, variable.",
            "doctor": "Check settings, storage, rights, clock, TLS and disk of a service.",
            "webhooks": "Deliver webhooks: tell the URLs that cards have named of new entries.",
            "timekeeper": "Sign off what is due by date, for the seats of your identity.",
            "demo": "Play a mediation on this machine, from charter to release.",
        },
    ),
)

_FILES = {
    "keygen": "keys",
    "card": "keys",
    "token": "keys",
    "inbox": "inbox",
    "hook": "hooks",
    "case": "case",
    "deposit": "deposit",
    "drop-off": "drop_off",
    "report": "deposit",
    "introduce": "readers",
    "ticket": "readers",
    "open": "opening",
    "fetch": "opening",
    "request": "release",
    "signoff": "release",
    "withdraw": "release",
    "note": "notes",
    "policy": "policy",
    "inspect": "inspecting",
    "verify": "checking",
    "audit": "checking",
    "send": "sending",
    "serve": "serving",
    "service": "service_keys",
    "doctor": "doctor",
    "settings": "settings",
    "webhooks": "webhooks",
    "timekeeper": "timekeeper",
    "demo": "demo",
}
_ATTRIBUTES = {"open": "open_", "drop-off": "drop_off"}


def load(name: str) -> click.Command | None:
    """The verb, or None if there is none of this name."""
    if name not in _FILES:
        return None
    module = import_module(f"escrow.cli.{_FILES[name]}")
    command = getattr(module, _ATTRIBUTES.get(name, name))
    if not isinstance(command, click.Command):
        raise TypeError(f"{name} is no verb")
    return command
