"""Bytes that are not of the format: fields, bodies, names."""

from escrow.words.row import AUDIT, row

_PROGRAM = "A program made this; use the escrow command or SDK, or correct the program."
_UPDATE = "Update the program that made it, or correct what you wrote."

FORMAT = {
    # A field of a statement or a body
    "field_missing": row("A field is missing", "`{field}` is missing.", _UPDATE),
    "field_unknown": row("An unknown field", "`{field}` is not a field that belongs here.", _UPDATE),
    "field_refused": row("A field has a wrong value", "`{field}` has a value that is not allowed.", _UPDATE),
    "field_too_large": row("Too large", "`{field}` is larger than the limit of {limit}.", "Send less."),
    "sealed_text_malformed": row(
        "Not a sealed text",
        "`{field}` has a length that no text under the case key has.",
        _PROGRAM,
    ),
    "text_padding_malformed": row(
        "Text padded wrongly",
        "A text under the case key ends in bytes that do not belong there.",
        "Whoever signed it used a faulty program; ask them to write it again.",
    ),
    "json_too_many_items": row(
        "Too many values", "`{field}` holds more than {limit} values.", "Send less at a time."
    ),
    "snapshot_malformed": row(
        "Not a snapshot of this case",
        "What the service noted about a case is damaged; it goes by the entries instead.",
        "Nothing needs doing. Audit the store if it comes up again.",
    ),
    "field_not_text": row("Not a text", "`{field}` is not a text in Unicode.", _UPDATE),
    "field_not_json": row(
        "Not JSON", "`{field}` is not strict JSON: no repeated keys, no fractions.", _UPDATE
    ),
    "field_not_an_object": row("Not an object", "`{field}` is not a JSON object.", _UPDATE),
    "field_not_a_list": row("Not a list", "`{field}` is not a list.", _UPDATE),
    "field_not_an_integer": row("Not a whole number", "`{field}` is not a whole number.", _UPDATE),
    "field_not_a_boolean": row("Not true or false", "`{field}` is neither true nor false.", _UPDATE),
    "field_not_a_time": row(
        "Not a time",
        "`{field}` is not a time such as 2026-12-01T00:00:00.000Z.",
        "Write it in UTC, with milliseconds.",
    ),
    "time_out_of_range": row(
        "No likely time", "`{field}` is not in the years 2000 to 2299.", "Correct the year."
    ),
    "field_not_hex": row(
        "Not an id", "`{field}` is not {bytes} bytes in lowercase hex.", "Copy the whole id again."
    ),
    "field_not_base64url": row(
        "Not base64url", "`{field}` is not canonical base64url without padding.", _PROGRAM
    ),
    "field_not_a_choice": row(
        "Not one of the choices", "`{field}` must be one of: {allowed}.", "Choose one of them."
    ),
    "field_out_of_range": row(
        "Out of range", "`{field}` must be from {least} to {most}.", "Choose one within."
    ),
    "field_wrong_count": row("Too many or too few", "`{field}` must have {least} to {most} items.", _UPDATE),
    "field_wrong_length": row("Wrong length", "`{field}` must be {bytes} bytes long.", _PROGRAM),
    # An HTTP request
    "request_malformed": row("Request not understood", "The request is not well-formed.", _PROGRAM),
    "method_not_allowed": row(
        "Method not allowed",
        "This address does not take that method.",
        "The header `Allow` lists those it takes.",
        status=405,
    ),
    "length_required": row(
        "Length missing",
        "The request does not say how long its body is.",
        "Send it with a Content-Length.",
        status=411,
    ),
    "body_too_large": row(
        "Body too large", "The body of the request is too large.", "Send payloads as an upload."
    ),
    "body_cut_short": row(
        "Body cut short", "The body ended, or stalled, before {announced} bytes.", "Send it again."
    ),
    "media_type_unsupported": row(
        "Wrong media type",
        "`{field}` is not the one this address takes.",
        "Statements are application/json, parts application/octet-stream.",
        status=415,
    ),
    "range_out_of_bounds": row(
        "Range beyond the end",
        "The payload has {length} bytes; the range lies beyond.",
        "Ask within it.",
        status=416,
    ),
    # Statements and tokens in compact form
    "jws_malformed": row(
        "Not a signed text", "`{field}` is not a compact JWS of the form used here.", _PROGRAM
    ),
    "jws_typ_unexpected": row(
        "Another kind", "`{field}` should be of kind {expected}.", "Send the right file."
    ),
    "statement_kind_unknown": row(
        "Unknown kind of statement", "`{field}` names a kind not known here.", _UPDATE
    ),
    "statement_place_malformed": row(
        "Case and head do not fit", "Only an opening statement names neither case nor head.", _PROGRAM
    ),
    "entry_prev_malformed": row("Entry malformed", "`{field}` does not fit the entry's number.", AUDIT),
    # Charters, paths, policies
    "service_url_malformed": row(
        "Not a service address",
        "`{field}` is not an http or https URL without a slash at its end.",
        "Write it like https://escrow.example.org.",
    ),
    "seat_name_malformed": row(
        "Not a seat's name",
        "{seat} is not a name for a seat.",
        "Use lowercase letters, digits and hyphens, up to 40.",
    ),
    "seat_twice": row(
        "A seat twice", "The seat {seat} is listed twice.", "Give every seat a name of its own."
    ),
    "path_name_malformed": row(
        "Not a path's name",
        "`{field}` is not a name for a path.",
        "Use lowercase words joined by hyphens, up to 40.",
    ),
    "path_name_twice": row("A path twice", "Two paths in `{field}` have one name.", "Rename one of them."),
    "path_date_twice": row(
        "Two dates", "The path has a date and leaves it open too.", "Keep one of the two."
    ),
    "audience_malformed": row("Audience malformed", "`{field}` does not fit the kind of audience.", _UPDATE),
    "audience_repeats": row("Somebody twice", "The audience names a seat or card twice.", "Name each once."),
    "policy_malformed": row(
        "Policy not understood",
        "At character {at} of the policy, {expected} was expected.",
        "Write it like: 2 of (claimant, respondent, mediator).",
    ),
    "policy_not_canonical": row(
        "Policy spelt differently", "It must be spelt: {canonical}", "Use that spelling."
    ),
    "policy_gate_empty": row(
        "Nobody in a group", "A group of the policy has no members.", "Name its members."
    ),
    "policy_k_out_of_range": row(
        "Impossible number",
        "A group of {children} cannot need {k} of them.",
        "Choose a number from 1 to {children}.",
    ),
    "policy_seat_twice": row(
        "A seat twice", "The policy names the seat {seat} twice.", "Name each seat once."
    ),
    "policy_seat_unknown": row(
        "Unknown seat", "The charter has no seat called {seat}.", "Add the seat, or correct its name."
    ),
    "policy_too_deep": row(
        "Policy too deep", "The policy nests more than {limit} levels.", "Write a flatter one."
    ),
    "policy_too_wide": row("Policy too wide", "The policy names more than {limit} seats.", "Name fewer."),
    "policy_text_too_long": row(
        "Policy too long", "The policy is longer than {limit}.", "Write a shorter one."
    ),
    "seat_not_in_policy": row(
        "Seat not in the policy", "The policy does not name {seat}.", "Ask about its seats."
    ),
    # Names of objects and uploads
    "object_id_malformed": row(
        "Not an id", "`{field}` is not {digits} digits of lowercase hex.", "Copy it again."
    ),
    "object_name_malformed": row(
        "Not an object's name", "`{field}` is no name that is used in storage.", _PROGRAM
    ),
    "object_number_out_of_range": row("Number too large", "`{field}` must be at most {limit}.", _PROGRAM),
    "object_prefix_malformed": row("Not a folder's name", "`{field}` is no folder in storage.", _PROGRAM),
    "object_too_large": row("Object too large", "An object in storage exceeds {limit} bytes.", AUDIT),
    "page_limit_out_of_range": row(
        "Page too large", "At most {limit} items fit in one answer.", "Ask for fewer."
    ),
    "payload_length_out_of_range": row(
        "Payload too large", "A payload has 1 to {limit} bytes.", "Split the document."
    ),
    "part_size_out_of_range": row(
        "Wrong part size",
        "Parts must have {least} to {most} bytes, and be at most {parts}.",
        "Choose another size.",
    ),
    "part_number_out_of_range": row(
        "No such part", "The upload has parts 1 to {limit}.", "Number them from 1."
    ),
    "part_cut_short": row(
        "Part cut short", "The part ended, or stalled, before its {expected} bytes.", "Send this part again."
    ),
    "payload_length_announced": row(
        "Another length",
        "The body says {found} bytes; the upload was announced with {expected}.",
        "Send the whole payload, or its parts.",
    ),
    "digest_malformed": row(
        "Not a digest", "`{field}` is not of the form sha-256=:BASE64: (RFC 9530).", _PROGRAM
    ),
    "part_too_long": row(
        "Part too long", "The part is longer than its {expected} bytes.", "Send it as announced."
    ),
    "upload_owner_malformed": row("Not a fingerprint", "`{field}` of an upload is no fingerprint.", _PROGRAM),
    "receipt_malformed": row(
        "Receipt malformed", "`{field}` of a part's receipt is not valid.", "Send it again."
    ),
    "retention_time_malformed": row(
        "Not a retention time", "`{field}` must lie in the future, in UTC.", _PROGRAM
    ),
}
