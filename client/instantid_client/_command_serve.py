"""`instantid serve`: a server in the foreground. Needs the package's `server` extra."""

import argparse
from pathlib import Path

from instantid_client._console import Console
from instantid_client._server_half import add_repository_flags, tell_missing_package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `serve`."""
    parser.add_argument("--profile", metavar="NAME", help="configs/NAME.pbtxt (default: CPU)")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="to listen on; others than this machine's own only in NVIDIA's container "
        "(default: %(default)s)",
    )
    for name, port in (("http", 8000), ("grpc", 8001), ("metrics", 8002), ("control", 8003)):
        parser.add_argument(
            f"--{name}-port",
            type=int,
            default=port,
            metavar="PORT",
            help="(default: %(default)s)",
        )
    add_repository_flags(parser)
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="DIR",
        help="to mark and sign pictures with, see `instantid keys` (default: test keys)",
    )
    parser.add_argument(
        "--records",
        type=Path,
        metavar="FILE",
        help="of pictures released and requests refused (default: under ~/.local/state/instantid)",
    )
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="TOML page (default: the safe policy)"
    )
    parser.add_argument(
        "--stage-key",
        type=Path,
        metavar="FILE",
        help="with which this server's models call each other (default: a new one)",
    )
    parser.add_argument(
        "--gateway-key",
        type=Path,
        metavar="FILE",
        help="that inference asks for; the gateway then says who the tenant is (default: none)",
    )
    parser.add_argument(
        "--remote",
        type=_remote_stage,
        action="append",
        default=[],
        metavar="STAGE=HOST:PORT",
        help="ask another server's gRPC port for a stage; may be given several times, needs "
        "--stage-key",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="STAGE",
        help="serve stages for other servers' --remote, and nothing else; needs --stage-key",
    )
    parser.add_argument(
        "--start-timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="for every model to be ready; large weights on a CPU take long (default: %(default)s)",
    )
    parser.add_argument(
        "--drain-timeout",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="for accepted pictures when told to end (default: %(default)s)",
    )
    parser.add_argument("--verbose", action="store_true", help="copy Triton's log to stderr")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve until a signal comes and return the server's exit code."""
    try:
        from instantid_server.serving import entry
        from instantid_server.serving.options import ServeOptions
        from instantid_server.trust.keys import default_keys_folder
        from instantid_server.trust.record_file import default_records_path
    except ModuleNotFoundError as error:
        return tell_missing_package("serve", error, console)
    return entry.main(
        ServeOptions(
            model_repository=arguments.model_repository,
            ensemble_repository=arguments.ensemble_repository,
            keys_folder=arguments.keys or default_keys_folder(),
            records_path=arguments.records or default_records_path(),
            policy_path=arguments.policy,
            stage_key_path=arguments.stage_key,
            gateway_key_path=arguments.gateway_key,
            remote_stages=dict(arguments.remote),
            only_stages=tuple(arguments.only),
            profile=arguments.profile,
            host=arguments.host,
            http_port=arguments.http_port,
            grpc_port=arguments.grpc_port,
            metrics_port=arguments.metrics_port,
            control_port=arguments.control_port,
            start_timeout_s=arguments.start_timeout,
            drain_timeout_s=arguments.drain_timeout,
            verbose=arguments.verbose,
        )
    )


def _remote_stage(text: str) -> tuple[str, str]:
    stage, _, address = text.partition("=")
    if not address:
        raise argparse.ArgumentTypeError(f"expected STAGE=HOST:PORT, got {text!r}")
    return stage, address
