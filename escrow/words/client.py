"""What a party's own program meets: answers of a service, invitations, sealed files and payloads."""

from escrow.words.row import row

_KEEP = "Keep it as evidence, and ask its author."
_COPY = "The record was changed on its way or in storage: fetch it again, or use another copy."

CLIENT = {
    # Talking to a service
    "plain_http_refused": row(
        "Not over plain http",
        "{url} is not on this machine, and not https.",
        "Use the service's https address.",
    ),
    "service_unreachable": row(
        "Service unreachable", "The service does not answer.", "Check address and network."
    ),
    "answer_too_slow": row(
        "Answer too slow",
        "The service's answer came too slowly to be waited for: it drips, or the network does.",
        "Run again later; if it stays so, on another network.",
    ),
    "service_certificate_refused": row(
        "Certificate refused",
        "The service's certificate cannot be believed.",
        "Check the address; ask its operator. If it has an authority of its own: REQUESTS_CA_BUNDLE=FILE.",
    ),
    "service_speaks_no_tls": row(
        "No TLS there",
        "What answers there speaks no TLS.",
        "Check the address: a service on this machine may be at http://; elsewhere ask its operator.",
    ),
    "authorities_missing": row(
        "No such file",
        "{variable} names {path}, which is not there.",
        "Correct it, or take it away: then the usual authorities are believed.",
    ),
    "reference_malformed": row(
        "Not a reference",
        "A reference is a text of 1 to {limit} printable characters without space around it.",
        "Use another text.",
    ),
    "reference_false": row(
        "False reference",
        "The service says that you call the case {case} so, but you never did.",
        "Tell its operator. Look for the case in your list.",
    ),
    "address_unsafe": row(
        "Address refused",
        "The service named an address for parts that is not https, or is on this machine.",
        "Tell its operator: `s3_public_endpoint` must be an https address.",
    ),
    "address_refused": row(
        "Part not taken", "The storage did not take the part ({status}).", "It goes through the service."
    ),
    "storage_unreachable": row(
        "Storage unreachable", "The storage does not answer at its own address.", "Check the network."
    ),
    "answer_malformed": row(
        "Answer not understood",
        "What answered is no Escrow service, or one of another version (`{field}`).",
        "Check the address.",
    ),
    "answer_too_large": row(
        "Answer too large", "The service sent more than {limit} bytes.", "Check the address."
    ),
    # Invitations, cases and this home's memory
    "invitation_for_another_card": row(
        "Not your invitation",
        "The seat {seat} is for the card {expected:card}; yours is {found:card}.",
        "Use the identity of that card (--home or --identity); or ask the convenor for your own invitation.",
    ),
    "invitation_for_another_service": row(
        "Another service", "The invitation is for {url}; {asked} was asked.", "Use the invitation's address."
    ),
    "case_at_another_address": row(
        "Case at another address",
        "The case {case} is kept at {url}; {asked} was asked nothing, and sent nothing.",
        "Name {url}, or no service: leave --service out, and ESCROW_SERVICE unset.",
    ),
    "receipt_unchecked": row(
        "Taken, not checked",
        "{url} took the statement, as it says. This home knows neither the case nor the card {author:card} "
        "that signed the receipt, and cannot tell whether that is true. Nobody is at fault.",
        "Ask a seat of the case {case} whether the statement is there. Sending it again changes nothing.",
    ),
    "invitation_not_of_case": row(
        "Invitation does not fit",
        "Its {field} is not that of the case.",
        "Compare fingerprints with the convenor.",
    ),
    "case_key_missing": row(
        "No case key",
        "This home has no case key for the case {case}.",
        "Ask the convenor for your invitation; then: `escrow case accept FILE`.",
    ),
    "memory_unusable": row("Memory unusable", "{file} cannot be used ({reason}).", "Restore or remove it."),
    "deposit_unknown": row(
        "Not deposited here", "This home did not seal the record {record}.", "Use that home."
    ),
    "prose_unreadable": row(
        "Charter cannot be read",
        "Its title and rules do not open under the case key.",
        "Accept nothing unseen: ask the convenor for another charter.",
    ),
    "alone_unreadable": row(
        "Path cannot be read",
        "What is said about the path {path} does not open under the case key.",
        "Accept nothing unseen: ask the convenor for another charter.",
    ),
    "nothing_to_accept": row(
        "Nothing to accept",
        "No such charter waits for you.",
        "To look at the case: `escrow case show {case}`.",
    ),
    "accepted_and_waiting": row(
        "Accepted already",
        "You have accepted for {seats} already. Still missing: {missing}.",
        "Wait for their holders. To see who has accepted: `escrow case show {case}`.",
    ),
    "accepted_by_all": row(
        "Accepted already",
        "You have accepted for {seats} already, and the charter is in force.",
        "Nothing is left to do. To look at the case: `escrow case show {case}`.",
    ),
    "proposal_ambiguous": row("Which charter?", "Several wait: {proposals}.", "Name one with --proposal."),
    "seat_ambiguous": row("Which seat?", "It could be any of these: {seats}.", "Name one with --seat."),
    "posting_not_an_opening": row(
        "Not an opening", "`{field}` does not open a case.", "Choose the right file."
    ),
    "posting_not_a_deposit": row("Not a deposit", "The file holds no deposit.", "Choose the right file."),
    "path_takes_no_date": row(
        "No date on this path", "The charter gives the path {path} no date.", "Leave the date out."
    ),
    "path_date_is_fixed": row(
        "Date fixed by the charter",
        "The charter has fixed the date of the path {path}: {not_before}.",
        "Leave the date out.",
    ),
    "charter_unchanged": row(
        "Nothing changed", "The charter proposed says what the present one says.", "Change the draft first."
    ),
    "service_card_not_as_told": row(
        "Not the service that you were told of",
        "This service's card is {found:card}, not {expected:card} that you gave.",
        "Do not open the case; ask its operator.",
    ),
    "draft_not_toml": row(
        "Draft not understood", "The charter's draft is not TOML, at line {line}.", "Correct the file."
    ),
    "draft_seats_missing": row("No seats", "The charter's draft has no table of seats.", "Add [seats]."),
    "draft_paths_missing": row("No paths", "The charter's draft has no release path.", "Add [paths.NAME]."),
    "draft_date_without_zone": row(
        "Date without zone",
        "`{field}` does not say in which time zone.",
        "Write it like 2026-12-01T09:00:00+01:00.",
    ),
    # Sealing and releasing
    "paths_missing": row("No path", "A record needs at least one path.", "Choose a path of the charter."),
    "readers_not_wanted": row(
        "No readers here", "The path {path} lets no depositor name readers.", "Leave them out."
    ),
    "path_needs_no_ticket": row(
        "No ticket needed", "The path {path} is for everybody.", "Ask without tickets."
    ),
    "envelope_good": row(
        "Envelope is good", "Your envelope in {path} is as promised.", "There is nothing to report."
    ),
    "seat_not_asked": row(
        "Not asked of you",
        "The path {path} asks for no sign-off of {seats}, only of {asked}.",
        "Nothing is left to do for you. To see who has signed off: `escrow case show {case}`.",
    ),
    "already_signed_off": row(
        "Signed off already",
        "{seat} has signed off this request already, and the service has the share.",
        "Nothing is left to do. If you mean it: `escrow signoff {case} {request} --seat {seat} --again`.",
    ),
    "nothing_to_withdraw": row(
        "Nothing to withdraw",
        "{seat} has not signed off the request {request}.",
        "To see who has: `escrow case show {case}`.",
    ),
    "withdrawn_before": row(
        "Withdrawn already",
        "{seat} has withdrawn its sign-off of this request already.",
        "Nothing is left to do. To see the request: `escrow case show {case}`.",
    ),
    "request_without_ticket": row(
        "Ticket not in the request",
        "The request {request} does not carry this ticket.",
        "Ask for one that does.",
    ),
    "sealed_by_another": row(
        "Sealed by another", "{author:card} signed what {sealed_by:card} had sealed.", _KEEP
    ),
    "sealed_file_differs": row(
        "Another file", "{file} is not the file that was sealed.", "Give that one. Lost: seal it again."
    ),
    "attachment_missing": row(
        "Share object missing", "A sign-off needs its share object.", "Post both together."
    ),
    "attachment_unexpected": row("Nothing to attach", "Only a sign-off has an attachment.", "Leave it out."),
    # Payloads and what is said about them
    "payload_chunk_false": row("Payload changed", "Piece {chunk} of the payload is not genuine.", _KEEP),
    "payload_digest_false": row("Payload changed", "The payload is not the one that was deposited.", _COPY),
    "payload_length_false": row("Payload changed", "It has {found} bytes, not {expected}.", _KEEP),
    "payload_padding_false": row("Padding not empty", "Something is hidden behind the document.", _KEEP),
    "payload_truncated": row("Payload cut short", "It ends after {found} of {expected} bytes.", _COPY),
    "payload_too_long": row("Payload too long", "It goes on after its {expected} bytes.", _COPY),
    "payload_too_large": row("Document too large", "A document has at most {limit} bytes.", "Split it."),
    "payload_length_negative": row(
        "Impossible length", "`{field}` is less than nothing.", "Correct the program."
    ),
    "metadata_false": row("Title not genuine", "The record's title and file name were changed.", _KEEP),
    "metadata_length": row("Title malformed", "`{field}` must be {expected} bytes long.", _KEEP),
    "metadata_malformed": row("Title malformed", "`{field}` is not well-formed.", "Correct it."),
    "metadata_too_large": row("Title too long", "`{field}` is longer than {limit} bytes.", "Shorten it."),
    "metadata_unprintable": row(
        "Unprintable sign", "`{field}` holds a sign that cannot be seen.", "Remove it, or rename the file."
    ),
    "filename_not_bare": row(
        "Not a file's name",
        "`{field}` has / \\ or : in it, or begins with a dot, and could lead out of its folder.",
        "Rename the file and deposit it under a plain name.",
    ),
    "filename_not_portable": row(
        "Not a name on every system",
        '`{field}` has one of < > " | ? * in it, begins with - or ~, has a blank at an end or a dot at its '
        "end, or is a device's name on Windows, such as CON or NUL.",
        "Rename the file and deposit it under a plain name.",
    ),
    "file_not_written": row(
        "Cannot write", "The file could not be written ({reason}).", "Check space and folder."
    ),
}
