"""`python -m rag` is `rag`. Layer: faces."""

from rag.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
