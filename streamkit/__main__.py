"""`python -m streamkit` is `streamkit`."""

from streamkit.cli import main

if __name__ == "__main__":
    main()
