"""What the rules of a case refuse: charters, seats, records, and statements that are out of place."""

from escrow.words.row import AUDIT, row

_LATEST = "Fetch the case again, look, and sign anew."

CASE = {
    # Statements
    "statement_for_other_case": row(
        "For another case",
        "The statement was signed for the case {case}.",
        "Post it there, or sign one for this case.",
    ),
    "statement_twice": row("Twice on the ledger", "Entry {n} repeats entry {first}.", AUDIT),
    "head_unknown": row(
        "Unknown head",
        "The statement's author saw entry {n}; the ledger ends at {known}.",
        "Compare heads with the other parties: the service may hide entries.",
    ),
    "head_not_of_case": row(
        "Head of another ledger",
        "Entry {n} is not the one that the author saw.",
        "Compare heads with the other parties: somebody was shown another ledger.",
    ),
    "reference_after_head": row(
        "Refers to what came later",
        "It refers to entry {n}, but its author had seen no further than {head}.",
        _LATEST,
    ),
    "not_a_seat": row(
        "Not a seat",
        "The card {author:card} holds no seat that may do this.",
        "Ask who holds the seat.",
        status=403,
    ),
    "not_the_holder": row(
        "Not the holder",
        "Somebody else holds the seat {seat} here.",
        "The seat's holder must do this, for a sealed record the holder at the time of sealing.",
        status=403,
    ),
    # Opening and charters
    "opening_expected": row(
        "Not an opening", "A statement of kind {typ} opens no case.", "Post it to its case."
    ),
    "opening_not_by_convenor": row(
        "Not by the convenor",
        "The charter's convenor is {convenor:card}; {author:card} signed.",
        "The convenor must sign.",
        status=403,
    ),
    "convenor_not_listed": row(
        "May not open cases",
        "The card {author:card} may not open cases at this service.",
        "Ask its operator to list it.",
        status=403,
    ),
    "reference_not_yours": row(
        "Not your reference",
        "Only who opened the case, {convenor:card}, gives it a reference.",
        "Keep your own list of what you call it.",
        status=403,
    ),
    "reference_taken": row(
        "Reference taken",
        "You call the case {case} so.",
        "Use that case, or another reference. Run again, a program with a reference finds that case.",
    ),
    "references_full": row(
        "No more references",
        "You call this case by {limit} references already, and none can be taken back.",
        "Use one of those.",
    ),
    "service_card_not_ours": row(
        "Another service",
        "The charter pins another card than this service's, which is {expected:card}.",
        "Compare the card with the service's people, and correct the charter: it may have a new key.",
    ),
    "proposal_card_not_current": row(
        "Not the service's current card",
        "It would move the case to a card that is not the service's current one (any more), {expected:card}.",
        "Nothing is moved. Ask the service's people for its card, and have the move proposed anew: "
        "`escrow case move-service`.",
    ),
    "service_url_not_ours": row(
        "Another address",
        "The charter names another address; this service's is {expected}.",
        "Correct the charter.",
    ),
    "convenor_changed": row(
        "Convenor changed", "A new charter must keep the case's convenor.", "Keep the convenor."
    ),
    "case_key_changed": row(
        "Case key changed", "A new charter must keep the case key's hash.", "Keep the case key."
    ),
    "one_party_can_open_alone": row(
        "One party could open alone",
        "The seats {seats} are one party's and meet the path {path} by themselves.",
        "Give a seat to somebody else, or say in `alone` why the parties agree.",
    ),
    "notice_not_supported": row(
        "No notice periods yet",
        "The path {path} asks for a notice period.",
        "Leave `notice` out, or set a date.",
    ),
    "charter_unknown": row("Unknown charter", "The case has no charter {charter}.", "Copy its hash again."),
    "charter_lapsed": row(
        "Charter lapsed", "Another charter came into force instead of {charter}.", "Propose it anew."
    ),
    "charter_replaced": row("Charter replaced", "The charter {charter} no longer holds.", "Propose it anew."),
    "charter_not_current": row(
        "Not the current charter", "It replaces {replaces}; {current} holds now.", _LATEST
    ),
    "charter_not_in_force": row(
        "Charter not in force", "It is for the charter {charter}; {current} holds.", _LATEST
    ),
    "charter_not_accepted": row(
        "Not all have accepted",
        "These seats have not accepted the charter: {seats}.",
        "If one is yours: `escrow case accept {case}`. Else wait until its holder has accepted.",
    ),
    "already_accepted": row(
        "Accepted already", "The seat {seat} has accepted this charter.", "Nothing is left to do."
    ),
    "opening_key_taken": row(
        "Key in use",
        "The opening key of {seat} is that of {other}.",
        "Accept with keys of your own identity.",
    ),
    "kem_key_taken": row(
        "Key in use", "The ML-KEM key of {seat} is that of {other}.", "Accept with keys of your own identity."
    ),
    "path_not_in_charter": row(
        "Unknown path", "The charter has no path called {path}.", "Take one of: {paths}."
    ),
    # Records
    "terms_differ_from_charter": row(
        "Not as the charter says",
        "In the path {path}, `{field}` differs from the charter.",
        "Seal by the charter.",
    ),
    "terms_need_a_date": row(
        "Date missing", "The path {path} needs a date from the depositor.", "Give a date."
    ),
    "record_taken": row(
        "Record id taken", "There is a record {record} already.", "Seal again, under a new id."
    ),
    "record_unknown": row("Unknown record", "The case has no record {record}.", "Copy its id again."),
    "path_not_in_record": row(
        "Unknown path", "The record has no path called {path}.", "Take one of: {paths}."
    ),
    "dealing_key_reused": row("Key used twice", "A key of the sealing was used before.", "Seal again."),
    "already_reported": row(
        "Reported already", "{seat} has reported its envelope in {path}.", "Nothing is left to do."
    ),
    "upload_taken": row(
        "Upload in use", "The upload {upload} is that of another record.", "Upload under a new id."
    ),
    "payload_not_uploaded": row(
        "Payload missing", "The upload {upload} was never begun by you.", "Upload the sealed file."
    ),
    "upload_incomplete": row(
        "Upload incomplete",
        "{missing_count} parts of the upload are missing: {missing}.",
        "Send them, then post again.",
    ),
    "upload_plan_differs": row(
        "Announced otherwise",
        "The upload was begun with another length or part size.",
        "Use a new upload id.",
    ),
    "upload_completed": row(
        "Upload complete", "The upload takes no more parts.", "Post the sealing statement."
    ),
    "addresses_not_offered": row(
        "No addresses here", "This service takes every part itself.", "Send the parts to the service."
    ),
    "uploads_open_limit": row(
        "Too many uploads at once",
        "You have begun {limit} uploads in this case that no deposit names yet.",
        "Finish those first (`escrow send --pending`), or ask the operator to sweep what was given up.",
    ),
    "upload_quota": row(
        "Too much at once",
        "The uploads that you have begun in this case and not deposited yet would come to more than {limit} "
        "bytes.",
        "Finish those first (`escrow send --pending`), or ask the operator to sweep what was given up.",
    ),
    "upload_too_large": row(
        "Payload too large", "This service takes at most {limit} bytes.", "Split the document."
    ),
    "retention_shortened": row(
        "Retained for longer", "It is retained until {until} already.", "Nothing is left to do."
    ),
    "case_full": row(
        "Your part of the case is used up",
        "Your statements would take more than the {limit} entries of this case that are yours; everybody has "
        "a part of their own, and the last tenth of it is for signing off and withdrawing.",
        "Open another case for what follows, or ask the operator for a larger limit.",
    ),
    "records_full": row(
        "Your part of the case is used up",
        "You have deposited the {limit} records that you may in this case.",
        "Open another case for what follows, or ask the operator for a larger limit.",
    ),
    "audit_found_faults": row(
        "Faults found",
        "The audit found {faults} faults; the first is {first}.",
        "Read the report, and tell the parties.",
    ),
}
