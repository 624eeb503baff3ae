"""Load a server: `python tests/benchmarks/load_server.py INDEX [--kill]`; `--address URL --pid PID`: one that runs.

Each client asks, waits for the whole reply and asks again; after a 503 or 429 it waits as Retry-After says. Of INDEX a
copy is served, in which one more client changes an article all the time. Prints latencies by kind of request,
what else went wrong (nothing should), the memory of the server every 10 seconds, and the load average. With --kill the
server is killed after a third of the time and started again: meanwhile nothing but broken and refused connections may
happen, and then the index must pass `rag status --check`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
MIX = (("search", 0.4), ("quote", 0.4), ("answer", 0.2))
BUSY = ("429", "503")
# What a client sees of a server that is gone. RemoteDisconnected: it went before it said anything.
GONE = ("ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "IncompleteRead", "RemoteDisconnected")


class Load:
    """Counts and latencies of all clients."""

    def __init__(self, address: str, questions: list[str], key: str | None = None, kinds: str = "") -> None:
        self.host, self.port = urlsplit(address).hostname or "", urlsplit(address).port or 80
        self.questions = questions
        self.mix = [(kind, weight) for kind, weight in MIX if not kinds or kind in kinds]
        self.headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.end = 0.0

    def client(self, number: int) -> None:
        chance = random.Random(number)
        kinds, weights = zip(*self.mix, strict=True)
        while time.monotonic() < self.end:
            (kind,) = chance.choices(kinds, weights)
            self.timed(kind, chance.choice(self.questions))

    def writer(self) -> None:
        """Changes one article again and again."""
        while time.monotonic() < self.end:
            self.timed("change", f"An otter moved to Lirien at {time.time()}.")

    def timed(self, kind: str, question: str) -> None:
        began = time.monotonic()
        outcome, pause = self.ask(kind, question)
        self.outcomes[kind, outcome] += 1
        if outcome == "200":
            self.seconds[kind].append(time.monotonic() - began)
        time.sleep(max(0.0, min(pause, self.end - time.monotonic())))

    def ask(self, kind: str, question: str) -> tuple[str, float]:
        """The outcome, and how long the server says to wait before the next request."""
        connection = HTTPConnection(self.host, self.port, timeout=180)
        try:
            if kind == "search":
                connection.request("GET", f"/search?q={quote(question)}", headers=self.headers)
            elif kind == "change":
                article = {"id": "load-1", "title": "An otter moves", "text": question}
                connection.request("POST", "/articles", json.dumps(article), self.headers)
            else:
                connection.request("POST", "/ask", json.dumps({"question": question, "mode": kind}), self.headers)
            response = connection.getresponse()
            body = response.read()
            if response.status == 200 and not whole(kind, json.loads(body)):
                return "half an answer", 0.2
            return str(response.status), float(response.headers.get("Retry-After", 0))
        except (OSError, HTTPException) as exc:
            return type(exc).__name__, 0.2
        except ValueError:
            return "not JSON", 0.2
        finally:
            connection.close()

    def run(self, clients: int, seconds: float, *, writing: bool = False) -> None:
        self.end = time.monotonic() + seconds
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(clients)]
        threads += [threading.Thread(target=self.writer)] * writing
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def odd(self, *expected: str) -> set[str]:
        """Outcomes that are neither success nor a documented refusal, nor expected."""
        return {outcome for _, outcome in self.outcomes} - {"200", *BUSY, *expected}

    def table(self) -> str:
        lines = [
            "| kind | answered | busy (503/429) | other | p50 s | p95 s | p99 s |",
            "|---|---|---|---|---|---|---|",
        ]
        for kind in sorted({kind for kind, _ in self.outcomes}, key=[*dict(MIX), "change"].index):
            counts = {outcome: n for (of, outcome), n in self.outcomes.items() if of == kind}
            busy, done = sum(counts.get(o, 0) for o in BUSY), counts.get("200", 0)
            other = sum(counts.values()) - done - busy
            cuts = statistics.quantiles(self.seconds[kind], n=100) if len(self.seconds[kind]) > 1 else [0.0] * 99
            times = " | ".join(f"{cuts[i]:.2f}" for i in (49, 94, 98))
            lines.append(f"| {kind} | {done} | {busy} | {other} | {times} |")
        return "\n".join(lines)


def whole(kind: str, value: object) -> bool:
    """Whether a reply has what it must have."""
    if not isinstance(value, dict):
        return False
    if kind in ("quote", "answer"):
        return bool(value["sentences"] or value["refusal"]) and all(c["quote"] for c in value["citations"])
    return ("hits" if kind == "search" else "ids") in value


def resident(pid: int) -> float:
    """MiB of a process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def serve(index: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`rag serve` over an index, ready. What it logs as an error is printed at the end."""
    settings = {"NEWSRAG_SERVER_RATE_PER_MINUTE": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "rag", "serve", "--index", str(index), "--port", str(port)]
    with (
        tempfile.NamedTemporaryFile("r", encoding="utf-8") as log,
        open(log.name, "w", encoding="utf-8") as written,
        subprocess.Popen(command, env={**os.environ, **settings}, stderr=written) as server,
    ):
        try:
            while " at http://" not in (said := Path(log.name).read_text("utf-8")):
                if server.poll() is not None:
                    raise SystemExit(f"the server did not start: {said}")
                time.sleep(0.1)
            yield server
        finally:
            server.kill()
            print("".join(line for line in log if '"level": "error"' in line), end="")


def killed(index: Path, questions: list[str], clients: int, seconds: float, kinds: str = "") -> Load:
    """Load for so many seconds, a kill, a new server, and load for as long again. Raises CalledProcessError when the
    index is not whole afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    load = Load(f"http://127.0.0.1:{port}", questions, kinds=kinds)
    running = threading.Thread(target=load.run, args=(clients, 3600), kwargs={"writing": True})
    with serve(index, port) as server:
        running.start()
        time.sleep(seconds)
        server.kill()
    try:
        with serve(index, port):
            load.end = time.monotonic() + seconds
            running.join()
    finally:
        load.end = 0.0
    check = [sys.executable, "-m", "rag", "status", "--check", "--index", str(index)]
    subprocess.run(check, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.DEVNULL)
    return load


def steady(address: str, pid: int, questions: list[str], options: argparse.Namespace, *, writing: bool) -> Load:
    """Load without accidents; prints the table and the memory."""
    load = Load(address, questions, options.key)
    load.run(5, 5)  # what is loaded at the first question is not a leak
    load.outcomes.clear()
    load.seconds.clear()
    memory, done = [resident(pid)], threading.Event()

    def look() -> None:
        while not done.wait(10):
            memory.append(resident(pid))

    looking = threading.Thread(target=look)
    looking.start()
    load.run(options.clients, options.seconds, writing=writing)
    done.set()
    looking.join()
    print(load.table())
    print("memory in MiB, before, every 10 seconds and after:", *(f"{m:.0f}" for m in (*memory, resident(pid))))
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs; other outcomes: {load.odd() or 'none'}")
    return load


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", nargs="?", type=Path)
    parser.add_argument("--address")
    parser.add_argument("--pid", type=int, help="of the server at --address, for its memory")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--key")
    parser.add_argument("--kill", action="store_true", help="kill and restart it under load")
    options = parser.parse_args()
    lines = (ROOT / "eval" / "questions.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    if options.address:
        return bool(steady(options.address, options.pid, questions, options, writing=False).odd())
    with tempfile.TemporaryDirectory() as temporary:
        index = shutil.copytree(options.index, Path(temporary) / "index")
        if options.kill:
            load = killed(index, questions, options.clients, options.seconds / 3)
            gone = sum(n for (_, outcome), n in load.outcomes.items() if outcome in GONE)
            print(f"Killed and restarted: {gone} broken or refused connections, the index passes its check")
            print(load.table())
            print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
            print(f"other outcomes: {load.odd(*GONE) or 'none'}")
            return bool(load.odd(*GONE))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        with serve(index, port) as server:
            return bool(steady(f"http://127.0.0.1:{port}", server.pid, questions, options, writing=True).odd())


if __name__ == "__main__":
    raise SystemExit(main())
