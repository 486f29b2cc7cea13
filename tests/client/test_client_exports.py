"""What the package shows, and what importing it costs."""

import inspect
import subprocess
import sys
from dataclasses import fields

import instantid_client
from instantid_client import AsyncClient, Client, GenerationOptions
from instantid_server.contract import INSTANTID_STREAM

HEAVY = {"torch", "cv2", "grpc", "tritonclient", "diffusers", "PIL", "aiohttp", "gevent"}
HEAVY |= {"opentelemetry"}


def test_all_names_every_public_name_and_no_other() -> None:
    public = {
        name
        for name, value in vars(instantid_client).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == set(instantid_client.__all__)


def test_importing_the_client_loads_nothing_heavy() -> None:
    program = "import sys, instantid_client; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(answer.stdout.split())


def test_options_are_the_inputs_of_the_contract() -> None:
    assert [field.name for field in fields(GenerationOptions)] == [
        spec.name for spec in INSTANTID_STREAM.inputs
    ]


def test_only_the_prompt_is_required() -> None:
    required = {
        name
        for name, parameter in inspect.signature(GenerationOptions).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    assert required == {spec.name for spec in INSTANTID_STREAM.inputs if not spec.optional}


def test_help_of_every_call_lists_the_options() -> None:
    for method in (Client.generate, Client.stream, AsyncClient.generate, AsyncClient.stream):
        assert {"prompt", "face_image", "seed"} <= set(inspect.signature(method).parameters)
