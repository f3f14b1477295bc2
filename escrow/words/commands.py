"""What only the command line meets: files and names that people type, questions that nobody answers."""

from escrow.words.row import row

COMMANDS = {
    "service_missing": row(
        "Which service?",
        "No service was named, and this home knows none.",
        "With an invitation: `escrow case join FILE`. Else give --service URL, or set ESCROW_SERVICE.",
    ),
    "identity_missing": row(
        "No identity",
        "There is no identity at {path}.",
        "Put the copy of yours there, or name it with --identity. Who never had one: `escrow keygen`.",
    ),
    "identity_exists": row(
        "You have one",
        "You have an identity already: {path}.",
        "Keep it: nobody can make it again. `escrow card` prints its card. Another one goes to --out FILE.",
    ),
    "identity_is_folder": row(
        "A folder", "{path} is a folder, and not a key file.", "Name the file in it with --identity."
    ),
    "identity_exposed": row(
        "Key file exposed",
        "Others on this machine may read {path} (mode {mode}).",
        "Run `chmod 600 {typed}`: then it works again. Only if somebody else may have read it: make a new "
        "identity.",
    ),
    "nobody_to_ask": row(
        "Nobody to ask",
        "This asks before it goes on, and there is no terminal to ask on.",
        "Look first, then run it again with --yes.",
    ),
    "passphrase_without_terminal": row(
        "No terminal", "A passphrase is typed on a terminal, and there is none.", "Run it on one."
    ),
    "file_exists": row(
        "File exists",
        "There is a file {file} already.",
        "Choose another name, or --force where it is offered.",
    ),
    "file_unreadable": row(
        "Cannot read", "{file} cannot be read ({reason}).", "Check its name and permissions."
    ),
    "file_unwritable": row(
        "Cannot write", "{path} cannot be written ({why}).", "Check the folder and its permissions."
    ),
    "file_not_text": row("Not a text", "{path} is not a text in UTF-8.", "Check that it is the right file."),
    "file_unknown_kind": row(
        "Unknown file",
        "{path} is no file of this program, or not a whole one.",
        "Known are charters, invitations, introductions, tickets, cards, key files, bundles, drop-off "
        "orders, and what --out wrote. Should it be one: ask for it again.",
    ),
    "folder_unknown_kind": row(
        "Unknown folder",
        "{path} is a folder that `escrow fetch` did not write.",
        "Name one of its files, or a folder that has release.json in it.",
    ),
    "file_of_another_kind": row(
        "Another file", "{file} is {found}, and {needed} is needed.", "Choose the right file."
    ),
    "file_damaged": row(
        "Damaged file",
        "{file} is not {needed} that is whole: it seems cut off or changed.",
        "Ask for it again, or choose the right file.",
    ),
    "file_too_large": row(
        "File too large",
        "{file} is too large: such a file has at most {limit} bytes.",
        "Choose the right file.",
    ),
    "no_such_invitation": row(
        "No such file",
        "There is no file {file}, and that is no id of a case either.",
        "Give the invitation's file as it was saved, with its folder; or the id of a case that you joined.",
    ),
    "short_name_malformed": row(
        "Not an id", "That is no id of a {field}.", "Give all of its hex digits, or its first 6 or more."
    ),
    "short_name_unknown": row(
        "Unknown",
        "No {field} that is known here begins so.",
        "List them with `{listed}`.",
    ),
    "id_of_another": row(
        "Another id",
        "That is the id of a {found}, and a {field}'s is needed.",
        "List both with `escrow case show CASE`.",
    ),
    "short_name_ambiguous": row(
        "Ambiguous", "More than one {field} begins so: {matches}.", "Give more digits."
    ),
    "seat_not_in_charter": row(
        "No such seat", "The charter that waits has no seat {seat}.", "Its seats are: {seats}."
    ),
    "path_ambiguous": row("Which path?", "The record has several paths: {paths}.", "Name one with --path."),
    "path_not_chosen": row(
        "Path not chosen", "{field} names the path {path}, which --path does not.", "Correct one of them."
    ),
    "service_folder_missing": row(
        "No such folder", "There is no folder {path}.", "Make it with: escrow service init {path}"
    ),
    "store_folder_missing": row(
        "No such folder",
        "There is no folder {path}.",
        "Name a store: a service keeps it in its folder's store.",
    ),
    "store_folder_empty": row(
        "Empty folder",
        "There is nothing in {path}.",
        "Name a store: a service keeps it in its folder's store.",
    ),
    "store_folder_foreign": row(
        "Not a store",
        "{path} has no folder ledger, records or public in it.",
        "Name the folder that has; copies of buckets have these names there, without what comes before.",
    ),
    "store_is_inside": row("Not a store", "{path} is not a store; {store} is.", "Run it again with {store}."),
    "introduction_not_ticket": row(
        "Not a ticket",
        "{path} is an introduction, not a ticket.",
        "The reader makes the ticket of it: escrow ticket {path}",
    ),
    "tickets_needed": row(
        "No reader named",
        "The path {path} needs its readers' tickets, and readers who hold a seat make one too.",
        "Add --me to read it yourself, and for others --ticket FILE: escrow introduce {case} {record}",
    ),
    "ticket_of_another": row(
        "Somebody else's ticket",
        "The ticket is of the card {card}; yours is {own}.",
        "Open it with the identity that made the ticket.",
    ),
    "server_extra_missing": row(
        "Server not installed",
        "This installation has no server ({missing} is missing).",
        "Install it from this program's source folder: pip install '.[server]'",
    ),
}
