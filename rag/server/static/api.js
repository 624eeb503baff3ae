// The server's HTTP API. Every failure leaves here as one ApiError with a line to show; keys live in sessionStorage.

const KEY = "newsrag.key";

/** A failure in words for the reader. `wait` is the server's Retry-After in seconds, where it gave one. */
export class ApiError extends Error {
  constructor(message, { status = 0, wait = 0 } = {}) {
    super(message);
    this.status = status;
    this.wait = wait;
  }
}

/** Keep a key for this tab, or forget it (empty). */
export function useKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** Whether a key is kept. */
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** GET a path below the page's own address; the JSON. Throws ApiError. */
export async function get(path) {
  const response = await send(path, { headers: { Accept: "application/json" } });
  return await response.json();
}

/** GET markup that the server made, with every foreign word in it escaped; inert: as a document of its own. */
export async function getMarkup(path) {
  const response = await send(path, { headers: { Accept: "text/html" } });
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/**
 * Ask one question. Yields `{event, data}` as the server streams them and ends after `done`. Throws ApiError, also
 * when the stream breaks off, and DOMException AbortError when `signal` is aborted.
 */
export async function* ask(question, signal) {
  const response = await send("ask", {
    method: "POST",
    headers: { Accept: "text/event-stream", "Content-Type": "application/json" },
    body: JSON.stringify(question),
    signal,
  });
  try {
    for await (const { event, data } of serverEvents(response.body)) {
      const value = JSON.parse(data);
      if (event === "error") throw new ApiError(problemLine(value), { status: value.status, wait: value.retry_after });
      yield { event, data: value };
      if (event === "done") return;
    }
  } catch (error) {
    if (error instanceof ApiError || error.name === "AbortError") throw error;
    throw new ApiError("The connection to the server broke off.");
  }
  throw new ApiError("The server ended the answer before it was complete.");
}

async function send(path, options) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), { ...options, headers, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached. Is it running?");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function failure(response) {
  const { status } = response;
  const wait = Number.parseInt(response.headers.get("Retry-After") ?? "", 10) || 0;
  const problem = await response.json().catch(() => ({}));
  const lines = {
    401: "This server needs an API key.",
    429: "Too many questions in a short time.",
  };
  return new ApiError(lines[status] ?? problemLine({ status, ...problem }), { status, wait });
}

/** One line of an RFC 9457 problem document. */
function problemLine({ title, detail, status }) {
  const line = String(detail || title || `The server failed (${status ?? "no status"})`).replace(/\s+/g, " ").trim();
  const capital = line.charAt(0).toUpperCase() + line.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/** The events of a text/event-stream body (WHATWG HTML, "server-sent events"), as `{event, data}`. */
export async function* serverEvents(body) {
  let rest = "";
  let event = "message";
  let data = [];
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      // A CR at the end of a piece may be the first half of a CRLF: it waits for the next piece.
      const text = rest + (value ?? "");
      const held = !done && text.endsWith("\r") ? 1 : 0;
      const lines = text.slice(0, text.length - held).split(/\r\n|\r|\n/);
      rest = lines.pop() + text.slice(text.length - held);
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { event, data: data.join("\n") };
          event = "message";
          data = [];
          continue;
        }
        const [, field, content] = /^([^:]*):? ?(.*)$/su.exec(line);
        if (field === "event") event = content;
        else if (field === "data") data.push(content);
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {}); // tells the server that nobody listens any more
  }
}
