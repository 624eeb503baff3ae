"""What one run of indexing did. Layer: types."""

from __future__ import annotations

from dataclasses import dataclass

from rag.types import Problem


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What one run of indexing did."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    passages: int = 0
    problems: tuple[Problem, ...] = ()
    removed: int = 0
    sentences: int = 0  # passages whose sentences were embedded too, for faster quotations
