"""`python -m app` serves; with arguments it is `altan-checkout`."""

import sys

from app.commands.cli import cli

if __name__ == "__main__":
    cli(sys.argv[1:] or ["serve"], prog_name="altan-checkout")
