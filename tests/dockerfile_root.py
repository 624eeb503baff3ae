"""Follow docs/deploy/Dockerfile in a Debian root, where there is no container engine.

`python tests/dockerfile_root.py ROOT TARGET [--bind DIR]...`, as root. ROOT is a fresh `debootstrap
--variant=minbase` root; it stands in for the base image: Python is installed from Debian, as `python`. Each stage is a
copy of it under TARGET, in which the Dockerfile's own lines are run one after the other: RUN, COPY, ENV, USER, WORKDIR.
Then the sample corpus is indexed and a key made, the CMD is started as the Dockerfile's user under the limits of
compose.yaml that the kernel offers without an engine, and a question is asked of it with that key.

Folders of this machine that pip needs (a mirror, a wheelhouse) are bound read-only with --bind; how pip uses them is
told by its own PIP_* variables, which are passed through.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
DOCKERFILE = REPOSITORY / "docs" / "deploy" / "Dockerfile"
BASE = "apt-get update && apt-get install -y --no-install-recommends python3 python3-venv python3-pip ca-certificates"
PASSED = re.compile(r"PIP_\w+|\w+_proxy", re.IGNORECASE)
Step = tuple[str, str]


def steps(text: str) -> list[Step]:
    """The instructions of a Dockerfile with their arguments, continued lines joined and comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


@dataclass
class Stage:
    """One stage: its root and what its instructions set."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    folder: str = "/"
    command: list[str] = field(default_factory=list)

    def run(self, *command: str) -> str:
        """Run to the end as the stage's user; what it wrote to standard output. Raises CalledProcessError."""
        done = subprocess.run(
            self._inside(command), env=self.variables(), check=True, text=True, stdout=subprocess.PIPE
        )
        return done.stdout

    def start(self) -> subprocess.Popen[bytes]:
        """The CMD as compose.yaml runs it: process 1 of its own namespaces, the root read-only but for the volume and
        /tmp, without new privileges."""
        root, volume = shlex.quote(str(self.root)), shlex.quote(str(self.root) + self.folder)
        mounts = (
            f"mount --bind {root} {root} && mount --bind {volume} {volume} && mount -t proc proc {root}/proc && "
            f"mount -t tmpfs tmpfs {root}/tmp && mount -o remount,bind,ro {root}"
        )
        served = ["setpriv", "--no-new-privs", *self._inside(self.command)]
        apart = ["unshare", "--pid", "--mount", "--ipc", "--fork", "--kill-child"]
        shell = ["/bin/sh", "-c", f"{mounts} && exec {shlex.join(served)}"]
        return subprocess.Popen([*apart, *shell], env=self.variables())

    def _inside(self, command: Sequence[str]) -> list[str]:
        ids = [] if self.user == "root" else [f"--userspec={self.user}:{self.user}"]
        entering = f"cd {shlex.quote(self.folder)} && exec {shlex.join(command)}"
        return ["chroot", *ids, str(self.root), "/bin/sh", "-c", entering]

    def variables(self) -> dict[str, str]:
        """The environment inside: nothing of this machine's but what pip needs."""
        home = "/root" if self.user == "root" else f"/home/{self.user}"
        own = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LANG": "C.UTF-8"}
        passed = {name: value for name, value in os.environ.items() if PASSED.fullmatch(name)}
        return {**own, **passed, "DEBIAN_FRONTEND": "noninteractive", **self.environment}


def follow(made: Path, target: Path, binds: list[Path]) -> Stage:
    """All stages; the last one."""
    stages: dict[str, Stage] = {}
    stage = Stage(made)
    for name, rest in steps(DOCKERFILE.read_text("utf-8")):
        print(f"== {name} {rest}", flush=True)
        if name == "FROM":
            label = rest.split(" AS ")[1] if " AS " in rest else "final"
            stages[label] = stage = Stage(target / label)
            subprocess.run(["cp", "-a", "--reflink=auto", str(made), str(stage.root)], check=True)
        elif name == "COPY":
            _copy(rest, stage, stages)
        elif name == "ENV":
            for pair in shlex.split(rest):
                key, _, value = pair.partition("=")
                stage.environment[key] = value.replace("$PATH", stage.variables()["PATH"])
        elif name == "RUN":
            with mounted(stage.root, binds):
                print(stage.run("/bin/sh", "-c", rest)[-2000:], flush=True)
        elif name == "USER":
            stage.user = rest
        elif name == "WORKDIR":
            stage.folder = rest
        elif name == "CMD":
            stage.command = re.findall(r'"([^"]*)"', rest)
        elif name not in ("EXPOSE", "HEALTHCHECK"):
            raise SystemExit(f"no way to follow {name} here")
    return stage


def _copy(rest: str, stage: Stage, stages: dict[str, Stage]) -> None:
    words = rest.split()
    if words[0].startswith("--from="):
        source = stages[words[0].removeprefix("--from=")].root / words[1].lstrip("/")
        subprocess.run(["cp", "-a", str(source), str(stage.root / words[2].lstrip("/"))], check=True)
        return
    tracked = subprocess.run(["git", "archive", "HEAD"], cwd=REPOSITORY, check=True, capture_output=True).stdout
    target = stage.root / words[1].lstrip("/")
    target.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(target)], input=tracked, check=True)


@contextmanager
def mounted(root: Path, binds: list[Path]) -> Iterator[None]:
    """/proc, the mirror's folders and this machine's name service, for as long as something runs inside."""
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    places = [root / "proc"]
    subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
    try:
        for folder in binds:
            place = root / str(folder.resolve()).lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--bind", "-o", "ro", str(folder), str(place)], check=True)
            places.append(place)
        yield
    finally:
        for place in places:
            subprocess.run(["umount", str(place)], check=True)


def base(fresh: Path, target: Path, binds: list[Path]) -> Path:
    """A copy of the fresh root with Python, which is what the base image has over Debian."""
    made = target / "base"
    subprocess.run(["cp", "-a", "--reflink=auto", str(fresh), str(made)], check=True)
    for certificate in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        folder = made / "usr/local/share/ca-certificates"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(certificate, folder)
    with mounted(made, binds):
        Stage(made).run("/bin/sh", "-c", f"{BASE} && update-ca-certificates && ln -s python3 /usr/bin/python")
    return made


def prove(stage: Stage, question: str, port: int) -> None:
    """Index the sample corpus, make a key, serve, ask, stop."""
    index = stage.command[stage.command.index("--index") + 1]
    shutil.copytree(REPOSITORY / "eval" / "corpus", stage.root / "srv" / "sample")
    with mounted(stage.root, []):
        print(stage.run("rag", "index", "/srv/sample", "--index", index), flush=True)
        token = stage.run("rag", "keys", "add", "proof", "--index", index).strip()
    stage.environment["NEWSRAG_SERVER_PORT"] = str(port)
    address = f"http://127.0.0.1:{port}"
    server = stage.start()
    try:
        print(f"== ready: {call(f'{address}/health/ready', None, token)}", flush=True)
        print(f"== answer: {call(f'{address}/ask', question, token)}", flush=True)
        print(f"== without a key: {call(f'{address}/ask', question, '')}", flush=True)
        child = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text("ascii").strip()
        facts = Path(f"/proc/{child}/status").read_text("utf-8")
        wanted = ("Uid", "NSpid", "NoNewPrivs", "CapEff")
        print("== the server:", *(line for line in facts.splitlines() if line.startswith(wanted)), flush=True)
        os.kill(int(child), signal.SIGTERM)
        print(f"== told to stop, it ended with {server.wait(60)}", flush=True)
    finally:
        server.kill()


def call(url: str, question: str | None, token: str) -> str:
    """Status and body of the server's answer, for which it may take its time to start."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if question is None else json.dumps({"question": question}).encode()
    until = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as reply:
                return f"{reply.status} {reply.read().decode()}"
        except urllib.error.HTTPError as exc:
            return f"{exc.code} {exc.read().decode()}"
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def main() -> int:
    """Follow the Dockerfile and prove it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fresh", type=Path, metavar="ROOT")
    parser.add_argument("target", type=Path, metavar="TARGET")
    parser.add_argument("--bind", type=Path, action="append", default=[])
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--question", default="How many people were killed when the Osterlay Bridge fell?")
    options = parser.parse_args()
    options.target.mkdir(parents=True)
    binds = options.bind
    stage = follow(base(options.fresh, options.target, binds), options.target, binds)
    prove(stage, options.question, options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
