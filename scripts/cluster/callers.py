"""Callers of real servers: requests at given moments, spread over all servers by their channel."""

import asyncio
from collections.abc import Sequence
from time import monotonic

from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from instantid_server.contract import INSTANTID
from scripts.load.records import ANSWERED, Record, outcome_of
from scripts.load.workloads import WORKLOADS, Requests, Scale

_ROUND_ROBIN = [("grpc.lb_policy_name", "round_robin")]
_GREETINGS, _BETWEEN_S = 10, 0.01  # connections on one machine take a millisecond


def spread_url(grpc_urls: Sequence[str]) -> str:
    """Return one gRPC target for all servers, as a headless service's name resolves to its pods."""
    return f"ipv4:{','.join(grpc_urls)}"


def call_at(
    grpc_urls: Sequence[str], arrivals: Sequence[float], scale: Scale, seed: int = 0
) -> list[Record]:
    """Return what became of the requests, in the order of their arrivals."""
    return asyncio.run(
        _call_at(spread_url(grpc_urls), arrivals, Requests(WORKLOADS["headline"], scale, seed))
    )


async def _call_at(url: str, arrivals: Sequence[float], requests: Requests) -> list[Record]:
    async with InferenceServerClient(url, channel_args=_ROUND_ROBIN) as client:
        await _connect(client)
        began = monotonic()
        calls = []
        for moment in arrivals:
            await asyncio.sleep(max(0.0, began + moment - monotonic()))
            calls.append(asyncio.create_task(_call(client, requests, began, moment)))
        return await asyncio.gather(*calls)


async def _connect(client: InferenceServerClient) -> None:
    """Let the channel reach every server; until then it spreads over those that it has."""
    for _ in range(_GREETINGS):
        await client.is_server_live()
        await asyncio.sleep(_BETWEEN_S)


async def _call(
    client: InferenceServerClient, requests: Requests, began: float, scheduled_s: float
) -> Record:
    inputs = []
    for name, array in requests.draw().items():
        tensor = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    sent = monotonic()
    outcome, refused = ANSWERED, False
    try:
        await client.infer(INSTANTID.name, inputs)
    except InferenceServerException as error:
        outcome, refused = outcome_of(str(error), monotonic() - sent, None)
    return Record(scheduled_s, sent - began, monotonic() - began, outcome, refused)
