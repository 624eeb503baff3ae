"""`python -m tests.llama_server`: llama_cpp's own OpenAI server over the bundled GGUF, on a free port that it prints.

It is started as a process of its own and not with `python -m llama_cpp.server`, because on CPUs with AMX llama.cpp
crashes unless its extra buffers are turned off, which that command cannot do.
"""

from __future__ import annotations

import socket

import uvicorn
from llama_cpp.server.app import create_app
from llama_cpp.server.settings import ModelSettings, ServerSettings

from rag import resources
from rag.llms.llama_cpp import _default_parameters

MODEL, KEY = "smollm2", "secret-key"


def main() -> None:
    """Serve until the process is ended."""
    model = ModelSettings(
        model=str(resources.bundled_llm()), model_alias=MODEL, n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False
    )
    with _default_parameters(resources.extra_buffers("auto")):
        app = create_app(server_settings=ServerSettings(api_key=KEY), model_settings=[model])
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])


if __name__ == "__main__":
    main()
