"""Drop-offs: orders, what the service seals by them, and what openers find of it."""

from escrow.words.row import row

_ANEW = "Make a new order, with `escrow drop-off order`."
_SEALED_BY = "Keep it as evidence: the service signed what it sealed. The depositor has the file."

DROP_OFF = {
    "drop_off_not_allowed": row(
        "No drop-offs in this case",
        "The charter in force does not allow drop-offs.",
        "Seal on your own machine, with `escrow deposit`.",
        status=403,
    ),
    "drop_offs_not_offered": row(
        "No drop-offs here",
        "This service takes no drop-offs.",
        "Seal on your own machine, with `escrow deposit`.",
        status=403,
    ),
    "drop_off_too_large": row(
        "Too large to drop off",
        "This service seals files of at most {limit} bytes.",
        "Seal on your own machine, with `escrow deposit`.",
    ),
    "drop_off_form_malformed": row(
        "Not the form of a drop-off",
        "The body is not multipart/form-data with the parts `order` and `document`, in this order.",
        "Send it with the curl line that `escrow drop-off order` prints.",
    ),
    "order_is_the_other": row(
        "The other way round",
        "{other} is the order, and {file} stands in its place.",
        "Name the order first, then the file.",
    ),
    "drop_off_cut_short": row(
        "Cut short", "The order or the document ended, or stalled, before its end.", "Send both again."
    ),
    "drop_off_file_differs": row(
        "Another file",
        "The document is not the one that the order promises. Nothing was deposited.",
        "Send the file as it was when the order was made, or make a new order.",
    ),
    "sealing_failed": row(
        "Not sealed",
        "The service could not seal the file. Nothing was deposited.",
        "Send both again; if it stays so, tell the operator.",
    ),
    "order_signature_false": row(
        "False order",
        "The order is not signed by {signer:card}, whom it names.",
        "Nobody owes anything by it.",
    ),
    "order_signer_unknown": row(
        "Order of a stranger", "The card {signer:card} that ordered it has no part in this case.", _SEALED_BY
    ),
    "order_for_other_case": row("Another case", "The order is for the case {case}.", _ANEW),
    "order_for_other_service": row(
        "Another service",
        "The order is not for this case's service, whose card is {expected:card} now.",
        _ANEW,
    ),
    "order_not_followed": row(
        "Order not followed",
        "The service {author:card} sealed another `{field}` than was ordered.",
        _SEALED_BY,
    ),
    "drop_off_salt_false": row(
        "Order cannot be checked",
        "The service sealed no salt by which to check the depositor's order.",
        _SEALED_BY,
    ),
    "drop_off_digest_false": row(
        "Not the file that was ordered",
        "The service sealed another document, or other words about it, than the depositor ordered.",
        _SEALED_BY,
    ),
    "case_not_remembered": row(
        "Never seen here",
        "This machine has not seen the case {case}.",
        "Look at it once while the service answers: escrow case show.",
    ),
}
