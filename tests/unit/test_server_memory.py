from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Blocks of many sizes from many threads, of which one in fifty stays; then how much of the rest is still held.
PROGRAM = """
import ctypes, sys, threading
from rag.server import memory

if sys.argv[1] == "bounded":
    assert memory.give_back()
kept = []

def work(seed):
    held = []
    for i in range(3000):
        held.append(bytearray(600 + (i * 7919 + seed) % 400_000))
        if len(held) > 40:
            held.pop(i % 40)
        if i % 50 == 0:
            kept.append(bytearray(600))

for round in range(2):
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's options")
def test_what_threads_freed_goes_back_to_the_system() -> None:
    root = Path(__file__).resolve().parents[2]

    def resident(how: str) -> int:
        command = [sys.executable, "-c", PROGRAM, how]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
        done = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True)
        return int(done.stdout)

    assert resident("bounded") < resident("default")
