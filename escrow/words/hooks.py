"""Webhooks: adding them, and checking what they bring."""

from escrow.words.row import row

_NEW = "Choose a new id; with the SDK or `escrow hook add`, it does that for you."

HOOKS = {
    "hooks_not_offered": row(
        "No webhooks here",
        "This service sends no webhooks.",
        "Ask `GET /v1/changes` from time to time, or its operator to set `hooks_per_card`.",
        status=403,
    ),
    "hook_needs_case": row(
        "No case yet",
        "Your card has no case here, and may not open one.",
        "Come back once somebody has invited you to a case.",
        status=403,
    ),
    "hook_url_malformed": row(
        "Not such a URL",
        "A webhook's URL is https://NAME/..., of at most {limit} characters, without user, password and "
        "fragment; NAME is no number.",
        "Give the URL of a receiver that has a name and a certificate for it.",
    ),
    "hook_port_refused": row(
        "Not at that port",
        "This service delivers to port 443 only.",
        "Put the receiver at port 443, or ask the operator for `webhook_networks`.",
    ),
    "hook_taken": row("Id taken", "Your hook {hook} leads to another URL.", _NEW),
    "hook_closed": row("Closed for good", "Your hook {hook} was closed.", _NEW),
    "hooks_full": row(
        "Too many webhooks",
        "A card may have {limit} of them.",
        "Remove one: `escrow hook list`, `escrow hook remove`. Closed ones go by themselves after a month.",
    ),
    "webhook_key_missing": row(
        "No webhooks there",
        "The service at {url} names no key for webhooks.",
        "Ask its operator to update it; until then follow the changes feed.",
    ),
    "webhook_header_missing": row(
        "Not a webhook",
        "The header {header} is missing.",
        "Hand on all headers as they came; a proxy may drop some.",
    ),
    "webhook_header_malformed": row(
        "Not a webhook of Escrow", "The header {header} is not of the form.", "Answer 400 and pass over it."
    ),
    "webhook_key_malformed": row(
        "Not a key of webhooks",
        "The key is not `whpk_` and 32 bytes in base64.",
        "Copy `webhook_key` of the service's `/v1/service` again.",
    ),
    "webhook_signature_false": row(
        "False signature",
        "No signature of this message is by the service's key.",
        "Answer 400 and pass over it. If every message is refused, the service may have a new key: compare "
        "`webhook_key` of its `/v1/service`, and hand on the body byte for byte.",
    ),
    "webhook_of_another_hook": row(
        "Not for you",
        "The service has told this to another hook, and somebody passes it on.",
        "Answer 400 and pass over it. If every message is refused, compare the hook's id, and the "
        "fingerprint of the card that added it.",
    ),
    "webhook_stale": row(
        "Not of now",
        "The message was signed {seconds} seconds away from now: somebody replays it, or a clock is wrong.",
        "Set this machine's clock by network time; else pass over it.",
    ),
}
