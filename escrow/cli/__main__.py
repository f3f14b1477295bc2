"""`python -m escrow.cli` is `escrow`, for machines where the script is not on PATH."""

from escrow.cli.main import main

main()
