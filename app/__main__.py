"""`python -m app` is `altan-checkout`."""

from app.cli import main

if __name__ == "__main__":
    main()
