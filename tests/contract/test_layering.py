"""Who may import whom, how long a file may be and what it may be called."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server" / "instantid_server"
CLIENT = ROOT / "client" / "instantid_client"
MAX_LINES = 400
MAX_NODE_LINES = 40
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "lib", "manager"}


def python_files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


PROJECT_FILES = python_files(
    *(ROOT / name for name in ("server", "client", "scripts", "tests", "model_repository"))
)
NODE_FILES = sorted((ROOT / "model_repository").glob("*/1/model.py"))


def parametrize_files(files: list[Path]) -> pytest.MarkDecorator:
    ids = [str(path.relative_to(ROOT)) for path in files]
    return pytest.mark.parametrize("path", files, ids=ids)


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield what `tree` imports, as `package.module` or `package.module.name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imports(path: Path) -> set[str]:
    return set(imported(ast.parse(path.read_text())))


def lazy_imports(path: Path) -> set[str]:
    """Return what is imported inside functions."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text())
    return {
        name for node in ast.walk(tree) if isinstance(node, functions) for name in imported(node)
    }


def is_from(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def importers(files: list[Path], package: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in files
        if any(is_from(name, package) for name in imports(path))
    }


def test_adapter_alone_knows_triton() -> None:
    files = python_files(SERVER, CLIENT, ROOT / "scripts", ROOT / "model_repository")
    assert importers(files, "triton_python_backend_utils") <= {"server/instantid_server/adapter.py"}


def test_contract_imports_nothing_that_is_installed() -> None:
    pages = ("contract", "error_code", "model_spec", "states")
    names = set().union(*(imports(SERVER / f"{page}.py") for page in pages))
    own = tuple(f"instantid_server.{page}" for page in pages)
    others = {name for name in names if not name.startswith(own)}
    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names


def test_transports_and_remote_models_alone_know_tritonclient() -> None:
    found = importers(python_files(SERVER, CLIENT), "tritonclient")
    of_server = {path for path in found if path.startswith("server/")}
    assert of_server == {"server/instantid_server/remote_model.py"}
    assert all(path.startswith("client/instantid_client/_transport") for path in found - of_server)


@parametrize_files(python_files(CLIENT))
def test_client_imports_of_the_server_its_contract_alone(path: Path) -> None:
    lazy = lazy_imports(path)
    of_server = {name for name in imports(path) if is_from(name, "instantid_server")}
    assert all(is_from(name, "instantid_server.contract") for name in of_server - lazy)
    names = ("errors", "importing", "serving", "trust")
    lazily = tuple(f"instantid_server.{name}" for name in names)
    assert all(any(is_from(name, package) for package in lazily) for name in of_server & lazy)


def test_one_file_of_the_client_starts_the_server() -> None:
    assert len(importers(python_files(CLIENT), "instantid_server.serving")) <= 1


@parametrize_files(python_files(SERVER / "stages"))
def test_stage_runs_without_triton_and_without_a_server(path: Path) -> None:
    for outer in ("instantid_server.adapter", "instantid_server.serving", "tritonclient"):
        assert not any(is_from(name, outer) for name in imports(path))


@parametrize_files(python_files(SERVER))
def test_server_knows_no_client(path: Path) -> None:
    assert not any(is_from(name, "instantid_client") for name in imports(path))


def test_what_decides_before_a_picture_loads_no_networks() -> None:
    program = "import sys, instantid_server.serving.entry, instantid_server.enrolment"
    answer = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"torch", "diffusers", "transformers"}.isdisjoint(answer.stdout.split())


@parametrize_files(NODE_FILES)
def test_node_is_a_few_lines_over_the_package(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_NODE_LINES
    assert all(is_from(name, "instantid_server") for name in imports(path))
    assert f"instantid_server.contract.{path.parents[1].name.upper()}" in imports(path)


def test_files_are_short() -> None:
    assert [path for path in PROJECT_FILES if len(path.read_text().splitlines()) > MAX_LINES] == []


def test_files_are_called_after_what_they_hold() -> None:
    assert [path for path in PROJECT_FILES if path.stem in VAGUE_NAMES] == []


def test_files_say_what_they_are() -> None:
    files = [path for path in PROJECT_FILES if path.stat().st_size]
    assert [path for path in files if ast.get_docstring(ast.parse(path.read_text())) is None] == []
