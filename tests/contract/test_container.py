"""The container's files fit the project: every path, flag, version and limit that they name."""

import argparse
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs

from instantid_client import _command_serve
from instantid_server.serving.command import CONTAINER_RELEASE
from instantid_server.serving.options import ServeOptions

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text().replace("\\\n", "")
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = {
    name: service for name, service in COMPOSE["services"].items() if "build" in service
}
IGNORE = (ROOT / ".dockerignore").read_text().splitlines()
UNLOADING_S = 10  # that Triton gets after its own exit timeout, before it is killed


def copied() -> list[str]:
    """Return every path that the image copies out of the checkout."""
    lines = re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def instruction(name: str) -> list[str]:
    """Return the words of an instruction in its JSON form."""
    words: list[str] = json.loads(DOCKERFILE.split(f"\n{name} ")[1].split("\n")[0])
    return words


def serve_arguments(command: list[str]) -> argparse.Namespace:
    """Return what `instantid serve` makes of a command; ends the test at a flag it lacks."""
    assert command[0] == "serve"
    parser = argparse.ArgumentParser()
    _command_serve.add_arguments(parser)
    return parser.parse_args(command[1:])


def in_image(path: Path) -> Path:
    """Return the place in the checkout of what lies in the image's own folder."""
    return ROOT / path.relative_to("/opt/instantid")


@pytest.mark.parametrize("source", copied())
def test_copied_path_is_in_git_and_in_the_build_context(source: str) -> None:
    listed = subprocess.run(["git", "ls-files", source], cwd=ROOT, capture_output=True, text=True)
    assert listed.stdout
    assert f"!{source}" in IGNORE


def test_weights_stay_outside() -> None:
    without_weights = ["model_repository/*/1/*", "!model_repository/*/1/model.py"]
    position = IGNORE.index("!model_repository")
    assert IGNORE[position + 1 : position + 3] == without_weights
    assert not any(line.startswith("!model_repository") for line in IGNORE[position + 3 :])


def test_image_is_the_release_whose_flags_we_know() -> None:
    assert f"\nARG TRITON_IMAGE=nvcr.io/nvidia/tritonserver:{CONTAINER_RELEASE}-py3\n" in DOCKERFILE


def test_torch_is_the_version_of_every_other_installation() -> None:
    assert re.findall(r"torch==[\d.]+", DOCKERFILE) == re.findall(
        r"torch==[\d.]+", (ROOT / "Makefile").read_text()
    )


def test_nobody_is_root() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["1000:1000"]


def test_image_starts_the_command_that_everybody_starts() -> None:
    assert instruction("ENTRYPOINT") == ["instantid"]
    arguments = serve_arguments(instruction("CMD"))
    assert (in_image(arguments.ensemble_repository) / "denoise_step").is_dir()


def test_health_is_asked_of_the_control_port() -> None:
    check = DOCKERFILE.split("HEALTHCHECK")[1].split("\n")[0]
    assert f":{ServeOptions.control_port}/ready" in check


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
class TestService:
    def test_builds_the_image_of_this_checkout(self, service: dict[str, Any]) -> None:
        context = ROOT / "docker" / service["build"]["context"]
        assert context.resolve() == ROOT
        assert (context / service["build"]["dockerfile"]).is_file()

    def test_has_no_rights_that_it_does_not_need(self, service: dict[str, Any]) -> None:
        assert service["user"] == "1000:1000"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
        assert writable == ["records:/records"]

    def test_publishes_the_servers_ports_to_this_machine_alone(
        self, service: dict[str, Any]
    ) -> None:
        ports = ServeOptions(Path(), Path(), Path(), Path()).ports.values()
        assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]

    def test_serves_what_is_mounted(self, service: dict[str, Any]) -> None:
        arguments = serve_arguments(service.get("command", instruction("CMD")))
        assert f":{arguments.model_repository}:ro" in service["volumes"][0]
        assert arguments.host == "0.0.0.0"

    def test_has_a_profile_that_exists(self, service: dict[str, Any]) -> None:
        profile = serve_arguments(service.get("command", instruction("CMD"))).profile
        assert (ROOT / "ensemble_configs" / f"{profile or 'cpu'}.toml").is_file()
        assert ("deploy" in service) == (profile is not None)

    def test_may_deliver_what_it_has_accepted(self, service: dict[str, Any]) -> None:
        options = ServeOptions(Path(), Path(), Path(), Path())
        grace_s = int(service["stop_grace_period"].removesuffix("s"))
        assert grace_s > options.drain_timeout_s + options.exit_timeout_s + UNLOADING_S
