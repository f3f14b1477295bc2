"""What stands in the way of a release: requests, tickets, sign-offs, dates, quorums."""

from escrow.words.row import row

RELEASE = {
    "request_unknown": row("Unknown request", "The case has no request {request}.", "Copy its id again."),
    "tickets_missing": row(
        "No reader named", "The path {path} needs readers' tickets.", "Add at least one ticket."
    ),
    "tickets_not_wanted": row("For the public", "The path {path} is for everybody.", "Ask without tickets."),
    "ticket_card_twice": row(
        "A reader twice", "Two tickets are of the card {card:card}.", "Keep one of them."
    ),
    "ticket_for_other_dealing": row(
        "Ticket for another record",
        "The ticket of {card:card} was made for another record or path.",
        "Send the reader the right introduction, and ask for a new ticket.",
    ),
    "ticket_key_reused": row(
        "Ticket used before",
        "The ticket of {card:card} uses a key seen with another record.",
        "Ask for a new ticket.",
    ),
    "ticket_cancels_dealing": row(
        "Hostile ticket",
        "A ticket would cancel out the record's own key.",
        "Refuse its maker; ask for another.",
    ),
    "ticket_keys_wrong": row(
        "Not your ticket",
        "Your keys do not fit the ticket in the request {request}.",
        "Use the identity that made it.",
    ),
    "reader_not_entitled": row(
        "Reader not listed",
        "The path {path} does not let the card {card:card} read.",
        "Name a listed reader.",
        status=403,
    ),
    "reader_not_named": row(
        "Not a reader",
        "The request {request} does not name the card {card:card}.",
        "Use the identity that made the ticket.",
    ),
    "seat_not_in_path": row(
        "Seat not in the path", "The seat {seat} is not in the path {path}.", "Use one that is."
    ),
    "dealing_differs": row(
        "About another sealing",
        "It names the dealing {dealing}; that of the path {path} is {expected}.",
        "Compare heads with the other parties: two sealings of one record may be about. Else sign anew.",
    ),
    "too_early": row("Too early", "The path {path} opens at {opens_at}.", "Sign off then."),
    "sign_off_limit": row(
        "Signed off too often", "{seat} has signed off {limit} times.", "Make a new request."
    ),
    "sign_off_withdrawn": row(
        "Sign-off withdrawn",
        "{seat} has withdrawn this sign-off; it cannot come back.",
        "Sign off anew, if you mean to.",
    ),
    "already_released": row(
        "Released already", "The request {request} is released.", "A share cannot be recalled."
    ),
    "already_withdrawn": row(
        "Withdrawn already", "The sign-off {sign_off} is withdrawn.", "Nothing is left to do."
    ),
    "withdrawal_names_another": row(
        "Not a sign-off of this seat",
        "{sign_off} is no sign-off of this seat to this request.",
        "Copy its hash again.",
    ),
    "withdrawal_limit": row(
        "Withdrawn too often",
        "{seat} has withdrawn {limit} times.",
        "Sign off no more; ask for a new request if need be.",
    ),
    "policy_not_met": row(
        "Not enough sign-offs",
        "{have} of {need}; still missing: {missing}.",
        "Wait for them, and for the date if any.",
    ),
    "not_released": row(
        "Not released",
        "The request is not released yet: {have} of {need} sign-offs; still missing: {missing}.",
        "Wait until enough seats have signed off, and for the path's date if it has one.",
    ),
    "shares_below_quorum": row(
        "Not enough good shares",
        "Too many shares are false (of {bad}) or not to be found (of {lost}).",
        "Ask {missing} to sign off again.",
    ),
    "p_missing": row(
        "Nothing good passed on",
        "No seat passed on the value that the record needs (wrong: {wrong}).",
        "Ask another seat to sign off.",
    ),
}
