"""Remote stages: which stages another server may answer, and where it is."""

import json
import os
from collections.abc import Callable

from instantid_server.contract import (
    CREDENTIALS,
    FACE_ANALYSIS,
    SAFETY,
    TEXT_ENCODER,
    VAE_DECODER,
    ModelSpec,
)
from instantid_server.node import NodeContext, Stage
from instantid_server.observe.tracing import Tracing

# Asked once or twice a picture. IdentityNet and the UNet stay together: between them go 107 MB at
# each step of a picture of 1024 x 1024.
REMOTE_STAGES = tuple(
    spec.name for spec in (FACE_ANALYSIS, TEXT_ENCODER, VAE_DECODER, SAFETY, CREDENTIALS)
)
REMOTE_VARIABLE = "INSTANTID_REMOTE_STAGES"  # in a stub's environment: addresses by stage, as JSON


def load_stage(
    spec: ModelSpec, load: Callable[[NodeContext], Stage], context: NodeContext, tracing: Tracing
) -> Stage:
    """Return the stage of a node, as `load` does, or the one that asks another server for it."""
    addresses: dict[str, str] = json.loads(os.environ.get(REMOTE_VARIABLE, "{}"))
    if spec.name not in addresses:
        return load(context)
    # Imported only here: gRPC, of which a stage that computes has no need.
    from instantid_server.stages.remote import RemoteStage

    return RemoteStage.connect(spec, addresses[spec.name], context, tracing)
