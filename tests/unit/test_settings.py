"""Settings come from the environment, are checked there, and stamp every answer."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from rag.errors import UsageError
from rag.settings import ServerSettings, Settings, default_index


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("NEWSRAG_")]:
        monkeypatch.delenv(name)


def test_the_environment_overrides_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSRAG_LLM", "/models/other.gguf")
    monkeypatch.setenv("NEWSRAG_THREADS", "3")
    settings = Settings.load()
    assert (settings.llm, settings.threads, settings.embedder) == ("/models/other.gguf", 3, "bundled")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEWSRAG_THREADS", "many"),
        ("NEWSRAG_THREADS", "-1"),
        ("NEWSRAG_AMX", "maybe"),
        ("NEWSRAG_ANSWERABLE_THRESHOLD", "1.5"),
        ("NEWSRAG_EVIDENCE_SENTENCES", "0"),
    ],
)
def test_a_bad_variable_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"^environment variable {name}: [^\n]+$"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("NEWSRAG_THREAD", "NEWSRAG_THREADS"),
        ("NEWSRAG_LLMKEY", "NEWSRAG_LLM_KEY"),
        ("NEWSRAG_QUEUE", "NEWSRAG_SERVER_QUEUE"),
        ("NEWSRAG_PORT", "NEWSRAG_SERVER_PORT"),
        ("NEWSRAG_SERVER_QEUE", "NEWSRAG_SERVER_QUEUE"),
        ("NEWSRAG_SERVER_RATE", "NEWSRAG_SERVER_RATE_PER_MINUTE"),
    ],
)
def test_a_variable_that_is_no_setting_is_named_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    monkeypatch.setenv(name, "1")
    for kind in (Settings, ServerSettings):
        with pytest.raises(UsageError) as caught:
            kind.load()
        assert str(caught.value) == f"environment variable {name}: there is no such setting; the nearest is {nearest}"


def test_what_kubernetes_sets_for_a_service_of_our_name_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    service = {
        "NEWSRAG_SERVICE_HOST": "10.0.0.9",
        "NEWSRAG_SERVICE_PORT": "8000",
        "NEWSRAG_SERVICE_PORT_HTTP": "8000",
        "NEWSRAG_PORT": "tcp://10.0.0.9:8000",
        "NEWSRAG_PORT_8000_TCP": "tcp://10.0.0.9:8000",
        "NEWSRAG_PORT_8000_TCP_PROTO": "tcp",
        "NEWSRAG_PORT_8000_TCP_PORT": "8000",
        "NEWSRAG_PORT_8000_TCP_ADDR": "10.0.0.9",
        "NEWSRAG_READER_SERVICE_HOST": "10.0.0.8",
    }
    for name, value in service.items():
        monkeypatch.setenv(name, value)
    assert (Settings.load(), ServerSettings.load()) == (Settings(), ServerSettings())


def test_settings_do_not_change_and_know_no_others() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.threads = 2  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Settings(thread=2)  # type: ignore[call-arg]


def test_the_digest_tells_settings_apart() -> None:
    assert Settings().fingerprint() == Settings().fingerprint() == Settings(debug=True).fingerprint()
    assert Settings().fingerprint() != Settings(evidence_sentences=7).fingerprint()


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_index_is_where_people_are_told() -> None:
    assert default_index().as_posix() == "indexes/default"
