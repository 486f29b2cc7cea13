"""`instantid status`: what the server says of itself, and whether its models take requests."""

import argparse
import asyncio
from dataclasses import asdict

from instantid_client._console import Console
from instantid_client._control import DEFAULT_CONTROL_URL, READY, Control, ServiceStatus
from instantid_client._endpoint import DEFAULT_URL
from instantid_client._errors import ConnectionFailed, DeadlineExceeded, InstantIDError
from instantid_client._results import ServerStatus
from instantid_client._server_flags import client_of
from instantid_client._transport import AsyncTransport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `status`."""
    parser.add_argument(
        "--control-url",
        metavar="URL",
        help=f"the server's control port (default: {DEFAULT_CONTROL_URL} beside the default --url, "
        "else none is asked)",
    )


def run(arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None) -> int:
    """Tell the status and return 0, or 1 if anything is not ready."""
    service = _ask_control(arguments, console)
    triton: ServerStatus | None
    try:
        triton = asyncio.run(_ask_triton(arguments, transport))
    except InstantIDError as error:
        if service is None:
            raise
        console.tell(str(error))  # as while Triton is started again
        triton = None
    if arguments.json:
        console.answer_json(_to_json(triton, service))
    else:
        for line in (*_service_lines(service), *_model_lines(triton, service)):
            console.answer(line)
    ready = triton is not None and triton.ready and all(triton.models.values())
    return 0 if ready and (service is None or service.state == READY) else 1


def _ask_control(arguments: argparse.Namespace, console: Console) -> ServiceStatus | None:
    """Return what the control port says; None if none is there and the caller named none."""
    url = arguments.control_url
    if url is not None:
        return Control(url, timeout_s=arguments.timeout).status()
    if arguments.url != DEFAULT_URL:
        return None  # the default port would be that of another server
    try:
        return Control(DEFAULT_CONTROL_URL, timeout_s=arguments.timeout).status()
    except (ConnectionFailed, DeadlineExceeded) as error:
        console.tell(f"control port: {error}")
        return None


async def _ask_triton(
    arguments: argparse.Namespace, transport: AsyncTransport | None
) -> ServerStatus:
    async with client_of(arguments, transport) as client:
        return await client.status()


def _to_json(triton: ServerStatus | None, service: ServiceStatus | None) -> dict[str, object]:
    return {
        "version": None if triton is None else triton.version,
        "ready": triton is not None and triton.ready,
        "models": {} if triton is None else dict(triton.models),
        "service": None if service is None else asdict(service),
    }


def _service_lines(service: ServiceStatus | None) -> list[str]:
    if service is None:
        return []
    admission = service.admission
    step = admission.seconds_per_step
    return [
        f"service {service.state}, restarts {service.restarts}, reloads {service.reloads}",
        f"requests running {admission.running}, waiting {admission.waiting} of at most "
        f"{admission.max_waiting}; at most {admission.max_running_pictures} pictures at a time; "
        f"seconds a step: {'unknown' if step is None else f'{step:.3g}'}",
    ]


def _model_lines(triton: ServerStatus | None, service: ServiceStatus | None) -> list[str]:
    lines = []
    known = {} if service is None else service.models
    states = {name: state.lower() for name, state in known.items()}
    if triton is not None:
        lines.append(f"Triton {triton.version}  {_word(triton.ready)}")
        states = {name: _word(ready) for name, ready in triton.models.items()}
    width = max(map(len, states), default=0)
    return [*lines, *(f"{name:<{width}}  {state}" for name, state in states.items())]


def _word(ready: bool) -> str:
    return "ready" if ready else "not ready"
