"""The Python client of InstantID on Triton.

from instantid_client import Client
with Client("127.0.0.1:8001") as client:
    generation = client.generate(face_image="portrait.png", prompt="a watercolor at the beach")
generation.pictures[0].save("result.png")
"""

from instantid_client._client import AsyncClient, Client
from instantid_client._errors import (
    Cancelled,
    ConnectionFailed,
    DeadlineExceeded,
    Draining,
    FaceNotFound,
    ImageTooLarge,
    ImageUnreadable,
    InstantIDError,
    Internal,
    InvalidInput,
    ModelNotReady,
    OutOfMemory,
    OutputUnsafe,
    Overloaded,
    PolicyUnavailable,
    ProvenanceUnavailable,
    RateLimited,
    SeveralFaces,
    StageFailed,
    StreamingNeedsGrpc,
    Unavailable,
    UnexpectedAnswer,
    UnsupportedInput,
)
from instantid_client._options import GenerationOptions
from instantid_client._replicate import from_replicate
from instantid_client._results import (
    Event,
    Generation,
    Picture,
    Preview,
    Progress,
    ServerStatus,
    Verification,
)
from instantid_client._transport import AsyncTransport, Transport

__all__ = [
    "AsyncClient",
    "AsyncTransport",
    "Cancelled",
    "Client",
    "ConnectionFailed",
    "DeadlineExceeded",
    "Draining",
    "Event",
    "FaceNotFound",
    "Generation",
    "GenerationOptions",
    "ImageTooLarge",
    "ImageUnreadable",
    "InstantIDError",
    "Internal",
    "InvalidInput",
    "ModelNotReady",
    "OutOfMemory",
    "OutputUnsafe",
    "Overloaded",
    "Picture",
    "PolicyUnavailable",
    "Preview",
    "Progress",
    "ProvenanceUnavailable",
    "RateLimited",
    "ServerStatus",
    "SeveralFaces",
    "StageFailed",
    "StreamingNeedsGrpc",
    "Transport",
    "Unavailable",
    "UnexpectedAnswer",
    "UnsupportedInput",
    "Verification",
    "from_replicate",
]
