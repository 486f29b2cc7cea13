"""`instantid import`: real weights become a model repository. Needs the `server` extra."""

import argparse
from pathlib import Path

from instantid_client._console import Console
from instantid_client._server_half import add_repository_flags, tell_missing_package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `import`."""
    parser.add_argument("output", type=Path, help="the repository to write; nothing may be there")
    _add_sources(parser)
    parser.add_argument(
        "--dtype",
        choices=("float16", "bfloat16", "float32"),
        default="float16",
        help="of the stored weights; profiles say what is computed in (default: %(default)s)",
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="import.json of an earlier import, whose files have to be the same",
    )
    for part, what in (("detector", "scrfd_10g_bnkps"), ("recogniser", "glintr100")):
        parser.add_argument(
            f"--allow-other-{part}",
            action="store_true",
            help=f"take another file than antelopev2's {what}.onnx, and record that",
        )
    add_repository_flags(parser, purpose="of the checkout ")
    parser.add_argument(
        "--gpu-memory", type=float, metavar="GIB", help="say which profiles fit such a card"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Import the weights and return the exit code."""
    try:
        from instantid_server.importing import command
        from instantid_server.importing.options import ImportOptions, LoraOption
    except ModuleNotFoundError as error:
        return tell_missing_package("import", error, console)
    return command.run(
        ImportOptions(
            output=arguments.output,
            ip_adapter=arguments.ip_adapter,
            identitynet=arguments.identitynet,
            base=arguments.base,
            faces=tuple(arguments.faces),
            vae=arguments.vae,
            tokenizers=arguments.tokenizers,
            safety_checker=arguments.safety_checker,
            loras=tuple(LoraOption(source, scale) for source, scale in arguments.lora),
            dtype=arguments.dtype,
            record=arguments.record,
            allow_other_detector=arguments.allow_other_detector,
            allow_other_recogniser=arguments.allow_other_recogniser,
            model_repository=arguments.model_repository,
            ensemble_repository=arguments.ensemble_repository,
            gpu_memory_gib=arguments.gpu_memory,
        )
    )


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the weights", "Paths, or ids of the hub: owner/name@revision."
    )
    group.add_argument(
        "--ip-adapter", required=True, metavar="FILE", help="InstantID's ip-adapter.bin"
    )
    group.add_argument(
        "--identitynet", required=True, metavar="DIR", help="InstantID's ControlNetModel"
    )
    group.add_argument(
        "--base", required=True, metavar="DIR", help="SDXL: diffusers' folder, or a .safetensors"
    )
    group.add_argument(
        "--faces",
        required=True,
        nargs="+",
        metavar="DIR",
        help="antelopev2: its folder, or scrfd_10g_bnkps.onnx and glintr100.onnx",
    )
    group.add_argument(
        "--vae", metavar="DIR", help="in place of the base's, such as one that is safe in float16"
    )
    group.add_argument(
        "--tokenizers", metavar="DIR", help="holds tokenizer and tokenizer_2; for a single file"
    )
    group.add_argument(
        "--safety-checker",
        metavar="DIR",
        help="safety_checker of a Stable Diffusion checkpoint, which judges finished pictures",
    )
    group.add_argument(
        "--lora",
        type=_lora,
        action="append",
        default=[],
        metavar="FILE[=SCALE]",
        help="fuse it into the weights for good; may be given again",
    )


def _lora(text: str) -> tuple[str, float]:
    source, _, scale = text.partition("=")
    try:
        return source, float(scale or 1.0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected FILE or FILE=SCALE, got {text!r}") from error
