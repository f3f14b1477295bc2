"""What administrators meet in the scripts that work on the storage itself."""

from escrow.words.row import row

ADMIN = {
    "case_ambiguous": row(
        "Which case?", "Several cases begin so, {first} and {second} among them.", "Say more of its id."
    ),
    "request_ambiguous": row(
        "Which request?", "Several requests begin so, {first} and {second} among them.", "Say more of its id."
    ),
    "clocks_differ": row(
        "Clocks differ",
        "The clock of this machine and that of the storage are {seconds} seconds apart.",
        "Set both by network time, then run this again: dates decide what may be released and removed.",
    ),
    "not_for_everybody": row(
        "Not for everybody",
        "The path {path} is for {audience} readers only, so it is never published.",
        "Hand it to its readers instead: release.py hand CASE REQUEST --out FOLDER.",
    ),
    "publication_too_early": row(
        "Too early",
        "The path {path} is for everybody from {opens_at} on, and that has not come.",
        "Publish it then; a timer that runs release.py publish --due --yes does.",
    ),
    "not_published": row(
        "Not published",
        "The public bucket holds no manifest of this request.",
        "Give whole ids, and see release.py due.",
    ),
    "published_object_differs": row(
        "Published object differs",
        "What the public bucket holds as {object} is not what this release consists of.",
        "Somebody else wrote it, or it was changed: see who may write there, and restore its first version.",
    ),
    "restore_forbidden": row(
        "May not restore",
        "This credential may not write to the bucket {bucket}.",
        "Use the credential made for restoring: --credentials restore.json.",
    ),
    "object_retained": row(
        "Still retained",
        "It is locked until {until}.",
        "Nothing is to be done: run the sweep again after that.",
    ),
}
