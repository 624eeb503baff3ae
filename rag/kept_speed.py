"""Measured speeds in the user's cache, read without loading a model. Layer: adapters (shared by the others)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from rag.speed import Speed


def load(folder: Path, key: str, threads: int) -> Speed | None:
    """What was measured for this model with this many threads; None where nothing (readable) is."""
    try:
        found = json.loads(_file(folder, key).read_text("utf-8"))[str(threads)]
        speed = Speed(float(found["prompt"]), float(found["generation"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return speed if speed.prompt > 0 and speed.generation > 0 else None


def save(folder: Path, key: str, threads: int, speed: Speed) -> None:
    """Note a measurement beside those with other numbers of threads; without a folder to write to it is not kept."""
    file = _file(folder, key)
    try:
        try:
            noted = dict(json.loads(file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            noted = {}
        noted[str(threads)] = {"prompt": round(speed.prompt, 1), "generation": round(speed.generation, 1)}
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(noted), "utf-8")
        part.replace(file)
    except OSError:
        return


def _file(folder: Path, key: str) -> Path:
    return folder / f"{key}-speed.json"
