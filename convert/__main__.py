"""`python -m convert` is `fer-convert`."""

from __future__ import annotations

from convert.cli.convert import main

if __name__ == "__main__":
    raise SystemExit(main())
