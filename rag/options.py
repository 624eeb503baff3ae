"""Options that several commands have. Layer: faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rag.types import Mode

Index = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="Folder of the index; indexes/default if left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Since = Annotated[str | None, typer.Option(metavar="DATE", help="Only articles from this day, month or year on.")]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="Only articles up to this day, month or year.")]
Source = Annotated[str | None, typer.Option(metavar="NAME", help="Only articles of this outlet.")]
AnswerMode = Annotated[Mode, typer.Option(help="'quote' answers with quotations alone, without the LLM.")]
