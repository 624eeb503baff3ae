from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

# What glibc says of itself after a big block was freed, blocks of half a mebibyte were taken and threads took others.
PROGRAM = """
import ctypes, sys, threading
from rag.server import memory

if sys.argv[1] == "bounded":
    assert memory.give_back()
del (big := [bytearray(20 << 20)])[:]
kept = [bytearray(1 << 19) for _ in range(10)]
together = threading.Barrier(8)

def work():
    together.wait()
    held = [bytearray(2000) for _ in range(1000)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""


def told(how: str) -> tuple[int, int]:
    """Heaps, and the most blocks that were taken by themselves."""
    root = Path(__file__).resolve().parents[2]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", PROGRAM, how]
    said = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True).stderr
    most = next(line for line in said.splitlines() if line.startswith("max mmap regions"))
    return said.count("Arena "), int(most.split("=")[1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's options")
def test_threads_share_heaps_and_big_blocks_go_back_to_the_system() -> None:
    heaps, blocks = told("bounded")
    others, less = told("default")
    assert heaps <= 2 < others
    assert blocks >= less + 8
