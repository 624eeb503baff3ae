"""/docs: the OpenAPI document as a plain page, without scripts and without anything from elsewhere. Layer: faces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from rag.rendering import Json

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs_route(request: Request) -> Response:
    """The page; `/openapi.json` is the same for programs."""
    return HTMLResponse("\n".join(_page(request.app.openapi())))


def _page(document: Json) -> Iterator[str]:
    info = document["info"]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(info['title'])} API</title></head><body><main>"
    yield f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
    yield "<p>Errors are problem documents (RFC 9457, <code>application/problem+json</code>). With API keys, send "
    yield "<code>Authorization: Bearer KEY</code>. For programs: <a href='/openapi.json'>/openapi.json</a>.</p>"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield from _operation(method.upper(), path, operation, document)
    yield "</main></body></html>"


def _operation(method: str, path: str, operation: Json, document: Json) -> Iterator[str]:
    yield f"<section><h2><code>{method} {escape(path)}</code></h2>"
    yield f"<p><strong>{escape(operation.get('summary', ''))}.</strong> {escape(operation.get('description', ''))}</p>"
    rows = [
        (p["name"], f"{p['in']}{', required' if p.get('required') else ''}", p.get("description", ""))
        for p in operation.get("parameters", ())
    ]
    schema = _body(operation, document)
    wanted = schema.get("required", ())
    rows += [
        (name, f"body{', required' if name in wanted else ''}", field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]
    if rows:
        yield "<table><thead><tr><th>Field<th>Where<th>Meaning</thead><tbody>"
        for row in rows:
            yield f"<tr>{''.join(f'<td>{escape(cell)}' for cell in row)}"
        yield "</tbody></table>"
    for example in schema.get("examples", ()):
        yield f"<pre>{escape(json.dumps(example, indent=2))}</pre>"
    yield "</section>"


def _body(operation: Json, document: Json) -> dict[str, Any]:
    """The schema of the JSON body; empty where there is none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found
