"""`instantid generate`: every face in every prompt, some requests at a time."""

import argparse
import asyncio
from contextlib import aclosing
from pathlib import Path

from instantid_client._arguments import add_option_flags
from instantid_client._client import AsyncClient
from instantid_client._consent_flags import add_consent_flags
from instantid_client._console import Console
from instantid_client._errors import InstantIDError
from instantid_client._outcome import Drawn, Failed, Job, Outcome
from instantid_client._outputs import save_preview
from instantid_client._plan import Plan, read_plan
from instantid_client._progress import ProgressBar
from instantid_client._results import Event, Generation, Preview
from instantid_client._server_flags import add_tenant_flag, client_of
from instantid_client._server_half import tell_missing_package
from instantid_client._transport import AsyncTransport
from instantid_server.contract import PriorityClass

_DEFAULT_CONCURRENCY = 4  # the server joins the steps of requests that run together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `generate`."""
    parser.add_argument(
        "face",
        nargs="*",
        metavar="FACE",
        help="photo of a face, .card file of `instantid enroll`, or .npy file of an embedding",
    )
    parser.add_argument(
        "--prompt",
        action="append",
        metavar="TEXT",
        help="what to draw; given again: one more for every face",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("."),
        metavar="OUT",
        help="file for one picture, or folder (default: this one)",
    )
    parser.add_argument(
        "--previews", type=Path, metavar="DIR", help="folder for previews; needs gRPC"
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        default=_DEFAULT_CONCURRENCY,
        metavar="N",
        help="requests at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--replicate-json",
        type=Path,
        metavar="FILE",
        help="inputs named as on Replicate; flags given beside it win",
    )
    _add_call_flags(parser)
    add_consent_flags(parser)
    add_option_flags(parser)


def _add_call_flags(parser: argparse.ArgumentParser) -> None:
    add_tenant_flag(parser)
    parser.add_argument(
        "--priority-class",
        choices=[str(priority) for priority in PriorityClass],
        help="who goes first where requests wait (default: normal)",
    )
    parser.add_argument(
        "--retries",
        type=int,
        default=0,
        metavar="N",
        help="send a request again that is refused for now, or whose connection breaks "
        "(default: %(default)s times)",
    )


def run(arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None) -> int:
    """Draw the pictures, write them, and return 0, or 1 if any request failed."""
    try:
        plan = read_plan(arguments)
    except ModuleNotFoundError as error:
        return tell_missing_package("generate --i-have-consent", error, console)
    plan.output.prepare()
    if plan.previews is not None:
        plan.previews.mkdir(parents=True, exist_ok=True)
    client = client_of(arguments, transport, tenant=arguments.tenant, retries=arguments.retries)
    outcomes = asyncio.run(_draw_all(client, plan, ProgressBar(console.stderr, len(plan.jobs))))
    _tell(outcomes, console, as_json=arguments.json)
    return 1 if any(isinstance(outcome, Failed) for outcome in outcomes) else 0


def _tell(outcomes: list[Outcome], console: Console, *, as_json: bool) -> None:
    if as_json:
        console.answer_json({"generations": [outcome.to_json() for outcome in outcomes]})
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            which = f"{outcome.job.name}: " if len(outcomes) > 1 else ""
            console.tell(f"{which}{outcome.error}")
        elif not as_json:
            for line in outcome.lines():
                console.answer(line)


async def _draw_all(client: AsyncClient, plan: Plan, bar: ProgressBar) -> list[Outcome]:
    """Return what becomes of each job, in their order. One that fails leaves the others alone.

    A disk that takes no picture ends them all, with OSError.
    """
    free = asyncio.Semaphore(plan.concurrency)

    async def outcome(index: int, job: Job) -> Outcome:
        async with free:
            try:
                generation = await _draw(client, plan, job, bar, index)
            except InstantIDError as error:
                return Failed(job, error)
            finally:
                bar.finish(index)
        return Drawn(job, generation, plan.output.save(job.name, generation))

    async with client:
        try:
            return await asyncio.gather(*(outcome(*numbered) for numbered in enumerate(plan.jobs)))
        finally:
            bar.clear()


async def _draw(
    client: AsyncClient, plan: Plan, job: Job, bar: ProgressBar, index: int
) -> Generation:
    if not plan.streams:
        return await client.generate(**vars(job.options), priority_class=plan.priority_class)
    event: Event | None = None
    stream = client.stream(**vars(job.options), priority_class=plan.priority_class)
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, Generation):
                continue
            bar.update(index, event.step, event.num_inference_steps)
            if isinstance(event, Preview) and plan.previews is not None:
                save_preview(plan.previews, job.name, event)
    assert isinstance(event, Generation), "the client raises if a stream ends without one"
    return event
