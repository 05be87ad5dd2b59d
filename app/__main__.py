"""`python -m app` serves; with arguments it is `altan-checkout`."""

import sys

from app.commands.cli import main

if __name__ == "__main__":
    main(sys.argv[1:] or ["serve"])
