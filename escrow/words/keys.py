"""Keys, points, proofs and key files that are malformed, and rules of the cryptography itself."""

from escrow.words.row import row

_PROGRAM = "A faulty or hostile program made this; do not use it, and ask whoever sent it."
_AGAIN = "Copy the whole line again from whoever sent it."

KEYS = {
    "card_malformed": row(
        "Not a card", "`{field}` is not a card: one line that begins with escrowcard1.", _AGAIN
    ),
    "key_file_malformed": row(
        "Not a key file",
        "`{field}` is not a key file: one line that begins with ESCROW-SECRET-1.",
        "Name the file that `escrow keygen` made, or restore it from its copy.",
    ),
    "seed_length": row("Wrong length", "`{field}` must be 32 bytes.", _PROGRAM),
    "nonce_length": row("Wrong length", "`{field}` must be 32 bytes.", _PROGRAM),
    "point_length": row("Not a key", "`{field}` is not 32 bytes long.", _AGAIN),
    "point_not_canonical": row("Not a key", "`{field}` is a second spelling of another key.", _PROGRAM),
    "point_not_in_group": row(
        "Not a safe key", "`{field}` is not in the group where keys are safe.", _PROGRAM
    ),
    "point_identity": row("Not a key", "`{field}` is a key under which everything would open.", _PROGRAM),
    "scalar_length": row("Not a number", "`{field}` is not 32 bytes long.", _PROGRAM),
    "scalar_not_canonical": row(
        "Not a number", "`{field}` is a second spelling of another number.", _PROGRAM
    ),
    "secret_scalar_zero": row("Empty secret", "A secret key of zero was refused.", "Make new keys."),
    "proof_length": row("Not a proof", "`{field}` is not 64 bytes long.", _PROGRAM),
    "kem_key_malformed": row("Not a key", "`{field}` is not an ML-KEM-768 public key.", _PROGRAM),
    "kem_ciphertext_length": row("Not a ciphertext", "`{field}` is not an ML-KEM-768 ciphertext.", _PROGRAM),
    "kem_seed_length": row("Wrong length", "`{field}` must be 64 bytes.", _PROGRAM),
    "envelope_length": row("Not an envelope", "`{field}` of an envelope has a wrong length.", _PROGRAM),
    "dealing_length": row("Not a dealing", "`{field}` does not have one share for each seat.", _PROGRAM),
    "sealed_path_length": row(
        "Not a sealed path", "`{field}` of a sealed path has a wrong length.", _PROGRAM
    ),
    "shape_threshold": row(
        "Impossible number", "`{field}` asks for more shares than there are.", "Correct it."
    ),
    "case_key_malformed": row(
        "Not a case key", "`{field}` is not 32 bytes long.", "Ask for a new invitation."
    ),
    "opening_keys_repeat": row(
        "One key for two seats",
        "Two seats of a path have the same opening key.",
        "Each seat must accept with its own.",
    ),
    "quorum_not_met": row("Not enough shares", "{have} shares do not suffice.", "Wait for more sign-offs."),
    "passphrase_empty": row("Empty passphrase", "The passphrase is empty.", "Choose one, or none at all."),
    "passphrase_needed": row(
        "Passphrase needed",
        "The key file is protected by a passphrase, and there is nobody to type it.",
        "Run it on a terminal, which asks for it; a script needs a key file without one.",
    ),
    "passphrase_wrong": row("Wrong passphrase", "The passphrase does not open the key file.", "Try again."),
}
