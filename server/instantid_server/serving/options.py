"""The options of one served repository, as a person gives them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_HTTP_PORT = 8000  # this and the next two: Triton's own
DEFAULT_GRPC_PORT = 8001
DEFAULT_METRICS_PORT = 8002
DEFAULT_CONTROL_PORT = 8003  # ours: probes, status, drain
DEFAULT_DRAIN_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class ServeOptions:
    """Where the models lie, where Triton listens, and how long it may take."""

    model_repository: Path
    ensemble_repository: Path
    keys_folder: Path  # what pictures are marked and signed with
    records_path: Path  # where released pictures are put on record
    policy_path: Path | None = None  # None: the safe defaults
    profile: str | None = None  # None: every model's config.pbtxt
    stage_key_path: Path | None = None  # None: a new one at each start
    gateway_key_path: Path | None = None  # None: no gateway is in front
    remote_stages: Mapping[str, str] = field(default_factory=dict)  # host:port of who answers
    only_stages: tuple[str, ...] = ()  # for other servers; (): everything
    host: str = "127.0.0.1"
    http_port: int = DEFAULT_HTTP_PORT
    grpc_port: int = DEFAULT_GRPC_PORT
    metrics_port: int = DEFAULT_METRICS_PORT
    control_port: int = DEFAULT_CONTROL_PORT
    log_path: Path | None = None  # None: a file of bounded size that goes with us
    verbose: bool = False  # also copy Triton's log to stderr
    num_threads: int | None = None  # of a stage that sets none itself; None: the usable cores
    start_timeout_s: float = 300.0
    drain_timeout_s: float = DEFAULT_DRAIN_TIMEOUT_S  # for accepted pictures when told to stop
    exit_timeout_s: int = 10  # for what Triton still does after that

    @property
    def ports(self) -> dict[str, int]:
        """The ports, each under the name of its option."""
        return {
            "http_port": self.http_port,
            "grpc_port": self.grpc_port,
            "metrics_port": self.metrics_port,
            "control_port": self.control_port,
        }
