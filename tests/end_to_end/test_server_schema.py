"""schemathesis against the OpenAPI document, with keys on: no request makes the server fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from rag.server.keys import KEYS_FILE, KeyRing
from tests.serving import serving

schemathesis = pytest.importorskip("schemathesis")
EXAMPLES = 20


@pytest.fixture(scope="module")
def api(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = shutil.copytree(index, tmp_path_factory.mktemp("schema") / "index")
    _, token = KeyRing(folder / KEYS_FILE).add("schemathesis", "admin")
    with serving(folder) as server:
        schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        schema.config.update(headers={"Authorization": f"Bearer {token}"})
        yield schema


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()  # type: ignore[untyped-decorator]
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_makes_the_server_fail(case: Any) -> None:
    """Every status and type of content is one that the document names; none is a failure of the server."""
    if isinstance(case.body, dict):  # the language model is not what is tested here
        case.body = {**case.body, "model": "newsrag-quote"} if "model" in case.body else {**case.body, "mode": "quote"}
    response = case.call()
    checks = schemathesis.checks
    case.validate_response(
        response,
        checks=[checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance],
    )
