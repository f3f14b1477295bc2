"""Escrow: threshold-encrypted negotiation records, opened only when enough of the parties sign off."""

__version__ = "0.1.0"
