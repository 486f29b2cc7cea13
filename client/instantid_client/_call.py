"""What goes with a request beside its tensors: whose it is, how urgent, its name, its deadline."""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from instantid_client._errors import InvalidInput
from instantid_client._options import GenerationOptions
from instantid_client._trace import current_traceparent
from instantid_server.contract import PRIORITY_PARAMETER, TENANT_PARAMETER, TRACE_PARAMETER

DEFAULT_TIMEOUT_S = 600.0  # 150 steps at full size on one busy GPU take minutes

# How much longer than the server the client waits, so that the server's own answer arrives: a
# share of the timeout, but no longer than a late answer ever takes.
_MARGIN = 0.1
_MAX_MARGIN_S = 2.0


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """How a request is to be treated, whatever its pictures show."""

    tenant: str | None = None  # on whose behalf; None: the client's
    priority_class: str | None = None  # high, normal or low: who goes first where requests wait
    request_id: str | None = None  # to cancel it by; None: a random one
    timeout_s: float | None = None  # for waiting and drawing together; None: the client's
    traceparent: str | None = None  # W3C trace context; None: OpenTelemetry's current span


@dataclass(frozen=True, kw_only=True)
class Request(CallOptions, GenerationOptions):
    """All that can be said of a request; the keywords of `generate` and `stream`."""


@dataclass(frozen=True)
class Call:
    """One try of a request, as it is sent."""

    request_id: str
    parameters: Mapping[str, str]
    timeout_s: float | None  # the server's; None: no end

    @property
    def timeout_us(self) -> int | None:
        """The server's timeout as Triton counts it."""
        return None if self.timeout_s is None else max(1, round(self.timeout_s * 1e6))

    @property
    def wait_s(self) -> float | None:
        """How long the client itself waits for an answer."""
        if self.timeout_s is None:
            return None
        return self.timeout_s + min(_MARGIN * self.timeout_s, _MAX_MARGIN_S)


@dataclass(frozen=True)
class CallDefaults:
    """What a client was made with; raises InvalidInput for what cannot be meant."""

    timeout_s: float | None
    tenant: str | None
    retries: int

    def __post_init__(self) -> None:
        """Check what would otherwise fail at some later request."""
        _check_timeout(self.timeout_s)
        if self.retries < 0:
            raise InvalidInput(f"retries: expected 0 or more, got {self.retries}")

    def call(self, options: CallOptions) -> Call:
        """Return the call that `options` ask for; what they leave open is decided here."""
        _check_timeout(options.timeout_s)
        traceparent = options.traceparent
        given = {
            TENANT_PARAMETER: self.tenant if options.tenant is None else options.tenant,
            PRIORITY_PARAMETER: options.priority_class,
            TRACE_PARAMETER: current_traceparent() if traceparent is None else traceparent,
        }
        parameters = {name: text for name, text in given.items() if text is not None}
        request_id = str(uuid.uuid4()) if options.request_id is None else options.request_id
        for name, text in {**parameters, "request_id": request_id}.items():
            _check_text(name, text)
        timeout_s = self.timeout_s if options.timeout_s is None else options.timeout_s
        return Call(request_id, parameters, timeout_s)


def _check_timeout(timeout_s: float | None) -> None:
    if timeout_s is not None and not 0 < timeout_s < math.inf:
        raise InvalidInput(f"timeout_s: expected more than 0 seconds, or None, got {timeout_s}")


def _check_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise InvalidInput(f"{name}: expected a string, got {type(text).__name__}")
    if not text or not text.isprintable():
        raise InvalidInput(f"{name}: expected printable text, got {text!r}")
