"""Load a running server: `python tests/benchmarks/load_server.py http://127.0.0.1:8000 --pid PID`.

Each client asks, waits for the whole reply and asks again; after a 503 or 429 it waits as Retry-After says. Prints
latencies by kind of request, what else went wrong (nothing should), and the memory of the server before and after.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import threading
import time
from collections import Counter, defaultdict
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
MIX = (("search", 0.4), ("quote", 0.4), ("answer", 0.2))
BUSY = (429, 503)


class Load:
    """Counts and latencies of all clients."""

    def __init__(self, address: str, questions: list[str], key: str | None) -> None:
        self.host, self.port = urlsplit(address).hostname or "", urlsplit(address).port or 80
        self.questions = questions
        self.headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.end = 0.0

    def client(self, number: int) -> None:
        chance = random.Random(number)
        kinds, weights = [kind for kind, _ in MIX], [weight for _, weight in MIX]
        while time.monotonic() < self.end:
            (kind,) = chance.choices(kinds, weights)
            began = time.monotonic()
            outcome, pause = self.ask(kind, chance.choice(self.questions))
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
            else:
                connection.request("POST", "/ask", json.dumps({"question": question, "mode": kind}), self.headers)
            response = connection.getresponse()
            response.read()
            return str(response.status), float(response.headers.get("Retry-After", 0))
        except (OSError, HTTPException) as exc:
            return type(exc).__name__, 0.2
        finally:
            connection.close()

    def run(self, clients: int, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def table(self) -> str:
        lines = [
            "| kind | answered | busy (503/429) | other | p50 s | p95 s | p99 s |",
            "|---|---|---|---|---|---|---|",
        ]
        for kind, _ in MIX:
            counts = {outcome: n for (of, outcome), n in self.outcomes.items() if of == kind}
            busy = sum(n for outcome, n in counts.items() if outcome in map(str, BUSY))
            other = sum(counts.values()) - counts.get("200", 0) - busy
            cuts = statistics.quantiles(self.seconds[kind], n=100) if len(self.seconds[kind]) > 1 else [0.0] * 99
            times = " | ".join(f"{cuts[i]:.2f}" for i in (49, 94, 98))
            lines.append(f"| {kind} | {counts.get('200', 0)} | {busy} | {other} | {times} |")
        return "\n".join(lines)


def resident(pid: int) -> float:
    """MiB of a process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--pid", type=int, help="of the server, for its memory")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--key")
    options = parser.parse_args()
    lines = (ROOT / "eval" / "questions.jsonl").read_text("utf-8").splitlines()
    load = Load(options.address, [json.loads(line)["question"] for line in lines], options.key)
    before = resident(options.pid) if options.pid else 0.0
    middle: list[float] = []
    timer = threading.Timer(options.seconds / 2, lambda: middle.append(resident(options.pid)))
    if options.pid:
        timer.start()
    load.run(options.clients, options.seconds)
    print(load.table())
    if options.pid:
        timer.join()
        print(f"memory: {before:.0f} MiB before, {middle[0]:.0f} at half time, {resident(options.pid):.0f} after")
    odd = {outcome for _, outcome in load.outcomes if outcome not in {"200", *map(str, BUSY)}}
    print(f"other outcomes: {sorted(odd) or 'none'}")
    return 1 if odd else 0


if __name__ == "__main__":
    raise SystemExit(main())
