"""The Kubernetes manifests as kustomize renders them."""

import argparse
import functools
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs

from instantid_client import _command_serve

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "docker" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
SERVER = "server"
_KUSTOMIZE = (5, 0)  # knows `labels` and `patches`; part of kubectl since 1.27

Manifest = dict[str, Any]


def missing_kubectl() -> str:
    """Return why no manifest can be rendered here, or nothing."""
    if shutil.which("kubectl") is None:
        return "kubectl is not installed"
    told = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True)
    version = re.search(r"Kustomize Version: v(\d+)\.(\d+)", told.stdout)
    if version is None or (int(version[1]), int(version[2])) < _KUSTOMIZE:
        return "kubectl is older than 1.27"
    return ""


_MISSING = missing_kubectl()
needs_kubectl = pytest.mark.skipif(bool(_MISSING), reason=_MISSING)


@functools.cache
def render(folder: str) -> list[Manifest]:
    """Return what `kubectl apply -k` would send for a folder below docker/kubernetes."""
    rendered = subprocess.run(
        ["kubectl", "kustomize", str(KUBERNETES / folder)], capture_output=True, text=True
    )
    assert rendered.returncode == 0, rendered.stderr
    assert "deprecated" not in rendered.stderr
    return list(yaml.safe_load_all(rendered.stdout))


def of_kind(folder: str, kind: str) -> list[Manifest]:
    """Return the rendered manifests of one kind."""
    return [manifest for manifest in render(folder) if manifest["kind"] == kind]


def the_only(folder: str, kind: str, name: str = "instantid") -> Manifest:
    """Return the one rendered manifest of that kind and name."""
    found = [m for m in of_kind(folder, kind) if m["metadata"]["name"] == name]
    assert len(found) == 1, f"{folder} has {len(found)} of {kind}/{name}"
    return found[0]


def pod_templates(folder: str) -> list[Manifest]:
    """Return what every workload makes its pods of."""
    return [m["spec"]["template"] for m in render(folder) if "template" in m.get("spec", {})]


def server_pod(overlay: str) -> Manifest:
    """Return the pod of an overlay's server."""
    pod: Manifest = the_only(f"overlays/{overlay}", "StatefulSet")["spec"]["template"]
    return pod


def containers(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod."""
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def container(pod: Manifest, name: str = SERVER) -> Manifest:
    """Return a container of a pod by its name."""
    return {of["name"]: of for of in containers(pod)}[name]


def arguments_of(of: Manifest) -> list[str]:
    """Return a container's arguments with its variables put in, as the kubelet does."""
    values = {entry["name"]: entry["value"] for entry in of["env"] if "value" in entry}
    return [re.sub(r"\$\((\w+)\)", lambda m: values[m[1]], text) for text in of["args"]]


def quantity(text: str) -> float:
    """Return a quantity such as 512Mi as a number."""
    number, unit = re.fullmatch(r"([\d.]+)([KMGT]i)?", text).groups()  # type: ignore[union-attr]
    factor: int = 1024 ** (" KMGT".index(unit[0]) if unit else 0)
    return float(number) * factor


def serve_arguments(pod: Manifest) -> argparse.Namespace:
    """Return what `instantid serve` makes of a pod's arguments; ends the test at one it lacks."""
    command, *flags = arguments_of(container(pod))
    assert command == "serve"
    parser = argparse.ArgumentParser()
    _command_serve.add_arguments(parser)
    return parser.parse_args(flags)


def volume(pod: Manifest, mount_path: str) -> Manifest:
    """Return the volume behind a mount of the server."""
    mounts = container(pod)["volumeMounts"]
    name = {mount["mountPath"]: mount["name"] for mount in mounts}[mount_path]
    found: Manifest = {v["name"]: v for v in pod["spec"]["volumes"]}[name]
    return found


def page(pod: Manifest) -> dict[str, Any]:
    """Return the page of the profile that a pod serves."""
    profile = serve_arguments(pod).profile or "cpu"
    return tomllib.loads((ROOT / "ensemble_configs" / f"{profile}.toml").read_text())
