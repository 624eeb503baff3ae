"""schemathesis against the OpenAPI document, with keys on: no request makes the server fail."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from rag.server.keys import KEYS_FILE, KeyRing
from tests.serving import serving

EXAMPLES = 8
OPERATIONS = {
    "GET /articles", "POST /articles", "GET /articles/{article_id}", "DELETE /articles/{article_id}", "POST /ask",
    "GET /search", "POST /v1/chat/completions", "GET /v1/models", "GET /v1/models/{name}", "GET /metrics",
    "GET /eval/reports", "GET /eval/reports/{name}", "GET /health/live", "GET /health/ready",
}  # fmt: skip
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]


def test_nothing_makes_the_server_fail(index: Path, tmp_path: Path) -> None:
    """Every operation, with a key that may do everything: each status and type of content is one that the document
    names, and none is a failure of the server."""
    folder = shutil.copytree(index, tmp_path / "index")
    _, token = KeyRing(folder / KEYS_FILE).add("schemathesis", "admin")
    headers = {"Authorization": f"Bearer {token}"}
    tried: dict[str, int] = {}
    with serving(folder, reload_seconds=3600) as server:
        schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        for found in schema.get_all_operations():
            operation = found.ok()  # type: ignore[union-attr]

            @settings(
                max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=operation.as_strategy())
            def attempt(case: Any) -> None:
                if isinstance(case.body, dict):  # the language model is not what is tested here
                    field, value = ("model", "newsrag-quote") if case.path.startswith("/v1") else ("mode", "quote")
                    case.body = {**case.body, field: value}
                response = case.call(headers=headers)
                assert response.status_code != 401
                case.validate_response(response, checks=CHECKS)
                tried[case.operation.label] = tried.get(case.operation.label, 0) + 1

            attempt()
    assert set(tried) == OPERATIONS
