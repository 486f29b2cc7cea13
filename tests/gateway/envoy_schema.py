"""Envoy's own schema, put to a configuration: run with `build/xds-protos` on the search path.

    PYTHONPATH=build/xds-protos python tests/gateway/envoy_schema.py docker/gateway/envoy.yaml

In a process of its own, for the package has other versions of modules that the project uses.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # no stubs
from google.protobuf import json_format  # type: ignore[import-untyped]  # no stubs

_BOOTSTRAP = "envoy.config.bootstrap.v3.bootstrap_pb2"


def main() -> None:
    """Parse the file as Envoy's bootstrap; ends with a traceback if it is none."""
    page = yaml.safe_load(Path(sys.argv[1]).read_text())
    for name in sorted(set(_extensions(page))):
        _import(name.rpartition(".")[0])
    bootstrap = importlib.import_module(_BOOTSTRAP).Bootstrap()
    json_format.ParseDict(page, bootstrap)
    sys.stdout.write(f"{len(bootstrap.static_resources.listeners)} listeners\n")


def _extensions(part: Any) -> Iterator[str]:
    """Yield the names of the message types that the file is extended with."""
    if isinstance(part, dict):
        if "@type" in part:
            yield part["@type"].partition("/")[2]
        for value in part.values():
            yield from _extensions(value)
    elif isinstance(part, list):
        for value in part:
            yield from _extensions(value)


def _import(package: str) -> None:
    """Import every module of a package, for each makes its messages known."""
    folder = Path(importlib.import_module(package).__file__ or "").parent
    for path in folder.glob("*_pb2.py"):
        importlib.import_module(f"{package}.{path.stem}")


if __name__ == "__main__":
    main()
