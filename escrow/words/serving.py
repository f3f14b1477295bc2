"""What a caller meets at the service's door: tokens, what is unknown, what cannot be served now."""

from escrow.words.row import AUDIT, row

_CLOCK = "The service's time is {server_time}: set your clock, or make a new token with `escrow token`."
_LATER = "Try again later; the operator must look after the storage."
_AUDIT = "The operator must look: `scripts/audit.py` over the storage says what is wrong and what is left."

SERVING = {
    "not_found": row(
        "Not found",
        "There is nothing here, or nothing that you may see, or it is not released yet.",
        "Check the address and your identity; ask who sent you the address.",
    ),
    "case_unknown": row("Unknown case", "There is no such case.", "Copy its id again."),
    "author_unknown": row(
        "Unknown author", "The card {author:card} has no part in this case.", "Use the right identity."
    ),
    "object_unknown": row("Not in storage", "There is no such object.", AUDIT),
    "upload_unknown": row("Unknown upload", "No such upload was begun.", "Announce it first."),
    "token_missing": row("Who is asking?", "This needs a token.", "Send one made by `escrow token`."),
    "token_malformed": row(
        "Not a token",
        "The Authorization header holds no token.",
        "Send `Authorization: Bearer TOKEN`, with all that `escrow token` prints, and nothing else.",
    ),
    "token_signature_false": row("False token", "The token is not signed by its card.", "Make a new one."),
    "token_wrong_audience": row(
        "Token for another service",
        "The token names another service.",
        "Make one for this, with its address in the very form that `url` of `/v1/service` shows.",
    ),
    "token_too_long": row("Token lives too long", "A token may live 5 minutes.", "Make a new one."),
    "token_stale": row("Token too old", "The token has expired.", _CLOCK),
    "token_from_future": row("Token from the future", "The token was made later than now.", _CLOCK),
    "cursor_too_old": row(
        "Cursor too old",
        "Changes before {oldest} are not kept.",
        "List your cases and look at each, then go on from a new cursor (ask without `after`).",
    ),
    "append_conflict": row(
        "Too busy", "Others were faster {attempts} times.", "Post the same statement again."
    ),
    "clock_behind_ledger": row(
        "Clock behind the ledger",
        "The last entry of the case, {n}, is of {last}: the service's clock is behind it.",
        "The operator must check the service's clock; if it once ran ahead, see the setting clock_behind_s.",
    ),
    "service_key_not_held": row(
        "A key of the service is not here",
        "It takes the key of the service's card {card:card}, which this process does not have.",
        "Try again in a minute: another process may have it. The operator restarts every process after a "
        "change of the key and keeps former keys while cases need them. If it stays so, that key is lost: "
        "the seats move the case to the current one.",
    ),
    "ledger_damaged": row("Ledger damaged", "Entry {n} of the case {case} is not sound ({reason}).", _AUDIT),
    "stored_object_differs": row(
        "Storage damaged", "The object {object} holds other bytes than it must.", _AUDIT
    ),
    "payload_missing": row("Payload missing", "The payload {object} is not in storage.", _AUDIT),
    "part_damaged": row("Part damaged", "Part {number} was damaged in storage.", "Send this part again."),
    "payload_damaged": row(
        "Damaged on the way",
        "Other bytes arrived than were announced; nothing is completed.",
        "Send it again.",
    ),
    "share_object_missing": row(
        "Share object missing", "The share object {shares} is lost.", "Its seat signs off again."
    ),
    "storage_full": row("Storage full", "There is no room left in storage ({bucket}).", _LATER),
    "storage_failed": row("Storage failed", "The storage failed ({reason}).", _LATER),
    "service_busy": row(
        "Too many at once",
        "The service is busy with as many long transfers as it takes.",
        "Try again in a moment.",
    ),
    "too_many_requests": row(
        "Too many requests",
        'More was asked for than one may (the room "{room}" is empty).',
        "Go on in {retry_after} s, and more slowly. A posting without a token shares its case's room: "
        "with one you have room of your own.",
    ),
    "service_stopping": row("Stopping", "The service is about to stop.", "Try again in a moment."),
    "internal_error": row(
        "A fault in the service",
        "Something went wrong that should not have.",
        "Tell the operator the incident's number: {incident}.",
        status=500,
    ),
}
