"""Questions over HTTP: the native API, OpenAI's chat completions and the page. Layer: faces."""
