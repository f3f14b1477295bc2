"""Sentences for what an audit alone finds. It raises none of these, so they are no rows of the catalogue of
errors; a fault that is an error too is told in the words of that error.
"""

FAULTS = {
    "audit_without_anchor": "Nothing can be said: the entry that opens the case is missing.",
    "audit_cut_short": "The audit gave up here: too many entries did not hold.",
    "case_without_entries": "Something of the case is left, but none of its entries.",
    "entries_unlocked": "From here on, entries are not locked for as long as their bucket promises.",
    "entries_missing": "Entries are missing from here on.",
    "entry_unreadable": "The entry cannot be read.",
    "envelope_false": "An envelope for your own seat does not hold what was promised.",
    "index_changed": "What leads a card to its case was changed.",
    "index_missing": "What leads a card to its case is missing.",
    "index_unreadable": "What leads a card to its case cannot be read.",
    "ledger_forked": "This is not the entry that was seen here before: there are two histories.",
    "ledger_rolled_back": "Entries that were seen before are gone from the end.",
    "payload_changed": "The stored payload is not the one deposited.",
    "payload_length_differs": "The stored payload has not the length of the one deposited.",
    "payload_missing": "The stored payload is missing.",
    "payload_unreadable": "The stored payload cannot be read.",
    "retention_short": "The stored payload is not kept as long as the charter says.",
    "share_object_missing": "The share of a sign-off is missing.",
    "share_object_unreadable": "The share of a sign-off cannot be read.",
    "object_deleted": "An object was deleted; its first version is below, and was looked at instead.",
    "object_overwritten": "An object was overwritten; its first version is below, and was looked at instead.",
    "object_foreign": "This is no object of ours; nothing here reads it.",
    "publication_before_release": "It was published before the ledger says that it was released.",
    "publication_false": "What was published does not prove itself.",
    "publication_incomplete": "It has no manifest and counts for nothing yet; publishing can go on.",
    "publication_not_released": "Published, and the ledger does not show that it was released to everybody.",
    "publication_of_other_ledger": "The published evidence holds entries that are not this ledger's.",
    "publication_without_ledger": "Published, of a case whose ledger cannot be replayed.",
}
