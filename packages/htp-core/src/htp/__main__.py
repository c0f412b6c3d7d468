"""`python -m htp` is `htp`."""

from htp.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
