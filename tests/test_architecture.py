"""The layers of DESIGN section 3, what may load when, and the files of the repository that must agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent

# Lowest first. A name is a module of rag/ or a package with all that is in it; "rag" is rag/__init__.py.
LAYERS = {
    "types": {"rag", "errors", "index_report", "types"},
    "settings": {"settings"},
    "ports": {"ports"},
    "pure": {
        "accounts",
        "answerability",
        "articles",
        "attribution",
        "chunking",
        "clock",
        "citing",
        "composing",
        "conversation",
        "covering",
        "dates",
        "dedup",
        "discourse",
        "events",
        "evidence",
        "explaining",
        "fusion",
        "inferring",
        "kinds",
        "lexical",
        "linear",
        "matching",
        "metrics",
        "noun_phrases",
        "premises",
        "parts",
        "prompting",
        "pronouns",
        "quantities",
        "questions",
        "ranking",
        "reading",
        "relations",
        "rendering",
        "resampling",
        "rewriting",
        "several",
        "speed",
        "stitching",
        "timeline",
        "verifying",
        "voices",
        "wording",
    },
    "core": {
        "answering",
        "candidates",
        "chronicle",
        "drafting",
        "found",
        "indexing",
        "origins",
        "recall",
        "retrieval",
        "sentence_vectors",
        "shelf",
        "standing",
        "stories",
        "widening",
    },
    "adapters": {"embedders", "kept_reports", "kept_speed", "llms", "readers", "resources", "stores"},
    "wiring": {"loading", "opening", "watching", "wiring"},
    "faces": {
        "__main__",
        "articles_command",
        "batch",
        "bench",
        "chat",
        "cli",
        "eval_command",
        "evaluation",
        "index_command",
        "interrupts",
        "options",
        "served",
        "server",
        "status",
        "terminal",
        "training",
    },
}
RANK = {unit: rank for rank, units in enumerate(LAYERS.values()) for unit in units}
LAYER = {unit: layer for layer, units in LAYERS.items() for unit in units}
# Within one layer: these may import each other; elsewhere only these pairs (importer, imported; None is any).
OPEN_LAYERS = {"types", "pure", "core", "wiring"}
OPEN_PAIRS = {
    ("adapters", None, "resources"),
    ("adapters", None, "kept_speed"),
    ("faces", "bench", None),
    ("faces", "chat", None),
    ("faces", "__main__", None),
    ("faces", "cli", None),
    ("faces", "eval_command", None),
    ("faces", "articles_command", None),
    ("faces", "index_command", None),
    ("faces", "served", "server"),
    ("faces", "served", "terminal"),
    ("faces", "terminal", "interrupts"),
    ("faces", "training", "evaluation"),
    ("faces", "server", "evaluation"),  # to show a kept report, not to make one
    ("faces", None, "batch"),
    ("faces", None, "options"),
}

# A foreign library and the only unit that may import it.
FOREIGN = {
    "charset_normalizer": "readers",
    "dateparser": "dates",
    "defusedxml": "readers",
    "docx": "readers",
    "faiss": "stores",
    "fastapi": "server",
    "feedparser": "readers",
    "gguf": "llms",
    "httpx2": "llms",
    "huggingface_hub": "llms",
    "llama_cpp": "llms",
    "markupsafe": "evaluation",
    "openai": "llms",
    "opentelemetry": "server",
    "openvino": "embedders",
    "peft": "training",
    "prometheus_client": "server",
    "starlette": "server",
    "uvicorn": "server",
    "pypdf": "readers",
    "rensa": "dedup",
    "sentence_transformers": "embedders",
    "sqlite3": "stores",
    "tokenizers": "embedders",
    "torch": "embedders",
    "trafilatura": "readers",
    "transformers": "embedders",
    "warcio": "readers",
}
HEAVY = (
    "faiss",
    "llama_cpp",
    "openai",
    "openvino",
    "opentelemetry",
    "sentence_transformers",
    "torch",
    "trafilatura",
    "transformers",
)
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 350


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit(module: str) -> str:
    """The part of rag/ that a module belongs to: `rag.stores.sqlite` to `stores`."""
    return [*module.split("."), "rag"][1]


FILES = {module_name(path): path for path in sorted((ROOT / "rag").rglob("*.py"))}
SOURCES = {module: path.read_text(encoding="utf-8") for module, path in FILES.items()}
TREES = {module: ast.parse(source) for module, source in SOURCES.items()}


def imports(tree: ast.AST, package: str, known: Iterable[str]) -> Iterator[str]:
    """Every module that a module names: at its top, inside functions, under TYPE_CHECKING, or to import_module.

    `package` resolves relative imports; `from rag import types` counts as `rag.types` where that is a `known` module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value


def imports_of(module: str) -> set[str]:
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    return set(imports(TREES[module], package, FILES))


def may_import(importer: str, imported: str) -> bool:
    """Whether one unit of rag/ may import from another."""
    if importer == imported or RANK[imported] < RANK[importer]:
        return True
    layer = LAYER[importer]
    if LAYER[imported] != layer:
        return False
    return layer in OPEN_LAYERS or bool(
        OPEN_PAIRS & {(layer, None, imported), (layer, importer, None), (layer, importer, imported)}
    )


def environment_reads(tree: ast.AST) -> Iterator[ast.Attribute | ast.alias]:
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names and getattr(node.value, "id", "") == "os":
            yield node
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (alias for alias in node.names if alias.name in names)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


# ── the checks themselves


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import rag.ports", "rag.ports"),
        ("from rag import types", "rag.types"),
        ("from rag import __version__", "rag"),
        ("from rag.types import Article", "rag.types"),
        ("from . import sqlite", "rag.stores.sqlite"),
        ("from .sqlite import Database", "rag.stores.sqlite"),
        ("from ..types import Article", "rag.types"),
        ("def f():\n    import torch", "torch"),
        ("if TYPE_CHECKING:\n    from faiss import Index", "faiss"),
        ("importlib.import_module('llama_cpp')", "llama_cpp"),
    ],
)
def test_no_way_to_import_goes_unseen(source: str, expected: str) -> None:
    known = {"rag", "rag.types", "rag.ports", "rag.stores", "rag.stores.sqlite"}
    assert list(imports(ast.parse(source), "rag.stores", known)) == [expected]


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("answering", "ports", True),
        ("ports", "answering", False),
        ("citing", "evidence", True),
        ("citing", "retrieval", False),
        ("stores", "resources", True),
        ("resources", "stores", False),
        ("stores", "embedders", False),
        ("answering", "stores", False),
        ("cli", "evaluation", True),
        ("evaluation", "cli", False),
        ("server", "evaluation", True),
        ("server", "cli", False),
        ("wiring", "cli", False),
    ],
)
def test_the_rule_between_layers(importer: str, imported: str, allowed: bool) -> None:
    assert may_import(importer, imported) is allowed


# ── layers


def test_every_module_has_a_layer() -> None:
    unknown = sorted({unit(module) for module in FILES} - set(RANK))
    assert not unknown, f"say in LAYERS of tests/test_architecture.py which layer these of rag/ belong to: {unknown}"


def test_imports_point_one_way() -> None:
    wrong = [
        f"{module} ({LAYER[unit(module)]}) imports {target} ({LAYER[unit(target)]})"
        for module in FILES
        for target in sorted(imports_of(module))
        if target.split(".")[0] == "rag" and {unit(module), unit(target)} <= set(RANK)
        if not may_import(unit(module), unit(target))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({module: imports_of(module) & FILES.keys() - {module} for module in FILES}).prepare()
    except CycleError as exc:
        pytest.fail(" imports ".join(reversed(exc.args[1])))


def test_each_foreign_library_stays_in_its_adapter() -> None:
    wrong = [
        f"{module} imports {target}, which belongs in rag/{FOREIGN[target.split('.')[0]]}"
        for module in FILES
        for target in sorted(imports_of(module))
        if FOREIGN.get(target.split(".")[0], unit(module)) != unit(module)
        and unit(module) != "training"  # no part of the product runs it, and it has libraries of its own
    ]
    assert not wrong, "\n".join(wrong)


# ── start-up


@pytest.mark.parametrize(
    "start",
    [
        "import rag",
        "import rag.cli",
        "import rag.cli; sys.argv = ['rag', '--help']; rag.cli.main()",
    ],
)
def test_starting_up_loads_nothing_heavy(start: str) -> None:
    report = f"import atexit, sys; atexit.register(lambda: print('loaded:', *{{*{HEAVY}}} & {{*sys.modules}}))"
    run = subprocess.run(
        [sys.executable, "-c", f"{report}; {start}"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.stderr == ""
    assert run.returncode == 0
    assert run.stdout.splitlines()[-1] == "loaded:"


def test_the_environment_is_read_in_settings_and_never_at_import() -> None:
    wrong = [
        f"{FILES[module].relative_to(ROOT)}:{node.lineno}"
        for module, tree in TREES.items()
        for node in environment_reads(tree)
        if module != "rag.settings" or not any(node in ast.walk(function) for function in functions(tree))
    ]
    assert not wrong, f"make it a field of rag.settings.Settings: {wrong}"


# ── size and words


@pytest.mark.parametrize("module", FILES)
def test_docstring_names_the_layer(module: str) -> None:
    layer = LAYER.get(unit(module), "?")
    named = re.search(r"\bLayer: (\w+)", ast.get_docstring(TREES[module]) or "")
    assert named, f"say in the docstring of {module}: Layer: {layer}"
    assert named[1] == layer


def test_functions_and_files_stay_small() -> None:
    long = [
        f"{module}.{function.name}: {lines} lines"
        for module, tree in TREES.items()
        for function in functions(tree)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]
    long += [f"{m}: {n} lines" for m, s in SOURCES.items() if (n := s.count("\n")) > MAX_FILE_LINES]
    assert not long, "\n".join(long)


# ── the files around the code


def requirements() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["otel"]]
    lines += [line for line in project["optional-dependencies"]["dev"] if line not in lines]
    names = [canonicalize_name(Requirement(line).name) for line in lines]
    assert len(names) == len(set(names)), "one range for each dependency: of two only the last would be compared"
    return {canonicalize_name((requirement := Requirement(line)).name): requirement for line in lines}


def test_every_dependency_is_pinned_within_its_range() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    wrong = [
        str(requirement)
        for name, requirement in requirements().items()
        if not requirement.specifier.contains(pins.get(name, "0"))
    ]
    assert not wrong, f"constraints.txt has no version that fits {wrong}"


def test_every_dependency_is_accounted_for() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    described = {canonicalize_name(name) for name in re.findall(r"^\| `([^`]+)`", page, flags=re.MULTILINE)}
    assert described == set(requirements()), "docs/dependencies.md has one row for each dependency"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_ci_runs_the_command_that_people_are_told_to_run(page: str) -> None:
    command = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    assert command.endswith("-m tests.check")
    assert command in (ROOT / page).read_text(encoding="utf-8").splitlines()
