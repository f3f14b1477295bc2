"""What is false: signatures, proofs, shares, ciphertexts, chains.

Each says who is proven to have made it, if anyone is.
"""

from escrow.words.row import row

_KEEP = "Nothing was changed. Keep it as evidence, and ask its author."
_SERVICE = (
    "Do not rely on this service for this case: keep what you have, and compare heads with the other parties."
)

FORGED = {
    "signature_false": row("False signature", "It is not signed by the card {author:card}.", _KEEP),
    "seat_keys_proof_false": row(
        "False proof", "The seat's keys come without a true proof that somebody holds them.", _KEEP
    ),
    "dealing_proof_false": row(
        "False dealing",
        "Not every group that may open this record would open the same.",
        "The depositor must seal anew.",
    ),
    "path_context_differs": row(
        "Sealed over another ledger",
        "By its path {path}, the record was sealed over other seats' keys than this ledger has.",
        "Compare heads with the other parties, the depositor first: somebody was shown another ledger.",
    ),
    "ticket_proof_false": row(
        "False ticket", "The ticket was made for another place, or without its key.", _KEEP
    ),
    "ticket_signature_false": row(
        "False ticket", "The ticket is not signed by the card {card:card} that it names.", _KEEP
    ),
    "share_false": row(
        "False share", "The share is not the one that the seat's key gives for this request.", _KEEP
    ),
    "share_object_swapped": row(
        "Another share object",
        "The share object is not the one that the seat {seat} signed for.",
        "Send the object that the statement names; where it is lost, sign off again.",
    ),
    "share_object_for_other_request": row(
        "Share for another request", "The seat {seat} answered another request.", _KEEP
    ),
    "share_object_malformed": row("Share not understood", "The share object is malformed.", _KEEP),
    "share_count_wrong": row(
        "Wrong number of shares", "The seat {seat} did not answer every ticket once.", _KEEP
    ),
    "payload_differs": row(
        "Another payload",
        "The payload that arrived is not the one that the depositor stated.",
        "Upload the sealed file again, under a new upload id.",
    ),
    "ciphertext_false": row(
        "Cannot be opened", "The ciphertext was changed, moved, or sealed under another key.", _KEEP
    ),
    "envelope_false": row(
        "Bad envelope", "An envelope does not hold what the record promises.", "Run `escrow report`."
    ),
    "p_false": row(
        "Wrong value passed on", "What was passed on is not what the record promises.", "Use another seat's."
    ),
    "commitment_false": row(
        "Wrong key", "The record's key is not the one its depositor committed to.", _KEEP
    ),
    "key_wrap_false": row(
        "Wrong key wrap", "The shares are true, but the record's key cannot be unwrapped.", _KEEP
    ),
    "case_key_not_of_charter": row(
        "Wrong case key",
        "The case key is not the one that the charter's hash names.",
        "Ask for a new invitation.",
    ),
    # Chains and bundles
    "bundle_of_other_case": row("Bundle of another case", "The bundle is of the case {found}.", _KEEP),
    "case_unexpected": row(
        "Another case", "The ledger is that of the case {found}.", "Look at the right folder."
    ),
    "case_of_other_service": row(
        "A case of another service",
        "The case was kept by the service {found:card}, and this is the store of {expected:card}.",
        "Somebody put it there: audit the store, and draw new credentials.",
    ),
    "entry_chain_broken": row("Broken ledger", "Entry {n} does not continue the one before it.", _SERVICE),
    "entry_of_other_case": row("Broken ledger", "Entry {n} is of another case.", _SERVICE),
    "entry_out_of_order": row("Broken ledger", "Entry {n} is not the next.", _SERVICE),
    "entry_time_backwards": row("Broken ledger", "Entry {n} is dated before the one before it.", _SERVICE),
    "entry_signer_not_in_force": row(
        "Signed by a key not in force",
        "The service's card {author:card} signed entry {n}, for which the charter in force names "
        "{expected:card}.",
        "Accept nothing that only this entry says: whoever has that key may have stolen it. Compare heads "
        "with the other parties.",
    ),
    "service_card_differs": row(
        "Another service",
        "The service shows the card {found:card}; for its address {expected:card} is known.",
        "Ask its people, not by way of it, whether its key has changed, and compare the whole card; then "
        "give it with --service-card; a program does with `session.service(told=card)`.",
    ),
    "payload_not_as_signed": row(
        "Another payload", "What the service sends is not as long as the depositor signed.", _SERVICE
    ),
    "ledger_forked": row("Two ledgers", "Entry {n} is not the one that was shown before.", _SERVICE),
    "ledger_rolled_back": row(
        "Ledger cut back", "The service shows less than before: entry {n} is gone.", _SERVICE
    ),
    "service_card_unexpected": row(
        "Another service", "The ledger is signed by a service other than {expected:card}.", _SERVICE
    ),
    "service_url_differs": row(
        "Another address",
        "What {expected} shows is by its own words of {found}.",
        "Use the address that the service's people told you.",
    ),
    "receipt_for_another_case": row("Wrong receipt", "The receipt is for the case {case}.", _SERVICE),
    "receipt_for_another_statement": row(
        "Wrong receipt", "The receipt is not for the statement sent.", _SERVICE
    ),
}
