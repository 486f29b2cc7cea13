"""The whole system at the real networks' size: random weights, imported, served and drawn with.

Shows that names, shapes, memory and time-outs hold for the real thing, where no real weights are.
The networks compute in half precision on the CPU; a server of them needs about 15 GiB of memory,
and the sources and the repository 25 GB of disk. `--scale reduced` is the same in a few minutes.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from instantid_client import Client
from instantid_server.contract import DENOISE_STEP, EMBEDDING_SIZE, MODELS
from scripts.local_server import local_server
from scripts.peak_memory import PeakMemory
from scripts.profiles import Placement, Profile, read_profile
from scripts.render_profiles import SETTINGS, config_path, render
from scripts.reports import REPORTS, ROOT, write_report
from tests.checkpoints.scale import FULL, REDUCED, Scale
from tests.checkpoints.source_set import SourceSet, write_source_set

PROMPT = "a portrait of a person in the city"
SCALES = {"full": (FULL, 512), "reduced": (REDUCED, 64)}  # and the size of the picture
DTYPE = "bfloat16"  # a convolution in float16 takes hundreds of times as long on a CPU
HALVED = ("text_encoder", "id_resampler", "identitynet", "unet")  # SDXL's VAE needs float32
CONFIGURED = {*SETTINGS, DENOISE_STEP.name} - {"face_analysis"}  # that one's is the importer's
# Where eyes, nose and mouth are to be, as fractions of a picture's sides.
KEYPOINTS = ((0.34, 0.46), (0.66, 0.46), (0.5, 0.64), (0.37, 0.82), (0.63, 0.82))
MIN_DEVIATION = 5.0  # of a picture's values: below, it is one colour


@dataclass(frozen=True)
class Trial:
    """What is tried."""

    scale: Scale
    size_px: int
    steps: int
    guidance_scale: float
    start_timeout_s: float
    request_timeout_s: float

    @property
    def rows(self) -> int:
        """How many rows of the networks a step needs."""
        return 2 if self.guidance_scale > 1 else 1


def main() -> int:
    """Try it, print and write `build/reports/full_size.json`; 1 if no picture came."""
    arguments = _read_arguments()
    scale, size_px = SCALES[arguments.scale]
    trial = Trial(
        scale,
        arguments.size or size_px,
        arguments.steps,
        arguments.guidance_scale,
        arguments.start_timeout,
        arguments.request_timeout,
    )
    arguments.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        figures = _write_and_import(Path(folder), trial)
        picture, served = _serve(Path(folder), trial)
        figures |= served
    REPORTS.mkdir(parents=True, exist_ok=True)
    picture.save(REPORTS / "full_size.png")
    for name, value in figures.items():
        print(f"{name:28} {value:10.2f}")
    print(write_report("full_size", {"scale": scale.name, "dtype": DTYPE, **figures}))
    deviation = float(np.asarray(picture).std())
    if picture.size != (trial.size_px, trial.size_px) or deviation < MIN_DEVIATION:
        print(f"no picture: {picture.size}, deviation {deviation:.1f}", file=sys.stderr)
        return 1
    return 0


def _write_and_import(folder: Path, trial: Trial) -> dict[str, float]:
    """Write `folder`/models from sources that are gone afterwards."""
    started = perf_counter()
    print("drawing the sources ...", flush=True)
    sources = write_source_set(folder / "sources", trial.scale)
    written = perf_counter()
    with PeakMemory() as memory:
        subprocess.run(_import_command(sources, folder / "models"), check=True)
    imported = perf_counter()
    shutil.rmtree(folder / "sources")
    return {
        "write_sources_s": written - started,
        "import_s": imported - written,
        "import_own_gib": memory.peak.own,
        "import_mapped_gib": memory.peak.mapped,
        "repository_gib": _size(folder / "models") / 1024**3,
    }


def _import_command(sources: SourceSet, output: Path) -> list[str]:
    command = [str(Path(sys.executable).with_name("instantid")), "import", str(output)]
    command += ["--ip-adapter", str(sources.ip_adapter), "--identitynet", str(sources.identitynet)]
    command += ["--base", str(sources.base), "--faces", str(sources.faces), "--dtype", DTYPE]
    command += ["--safety-checker", str(sources.safety_checker)]
    command += ["--allow-other-detector", "--allow-other-recogniser"]
    command += ["--model-repository", str(ROOT / "model_repository")]
    return [*command, "--ensemble-repository", str(ROOT / "ensemble_configs")]


def _serve(folder: Path, trial: Trial) -> tuple[Image.Image, dict[str, float]]:
    """Start a server, draw one picture and return it with what both took."""
    models, ensembles = folder / "models", folder / "ensembles"
    shutil.copytree(ROOT / "ensemble_configs", ensembles)
    _configure(models, ensembles, trial)
    embedding = np.random.default_rng(1).standard_normal(EMBEDDING_SIZE)
    started = perf_counter()
    print("starting the server ...", flush=True)
    with PeakMemory() as memory, local_server(models, ensembles, trial.start_timeout_s) as server:
        ready = perf_counter()
        ready_peak = memory.peak
        print(server.ready_line, flush=True)
        with Client(server.grpc_url, timeout_s=trial.request_timeout_s) as client:
            generation = client.generate(
                prompt=PROMPT,
                face_embedding=embedding.astype(np.float32),
                face_keypoints=np.array(KEYPOINTS, np.float32) * trial.size_px,
                num_inference_steps=trial.steps,
                guidance_scale=trial.guidance_scale,
                seed=1,
            )
        drawn = perf_counter()
    return generation.pictures[0].image, {
        "server_start_s": ready - started,
        "server_start_own_gib": ready_peak.own,
        "request_s": drawn - ready,
        "server_own_gib": memory.peak.own,
        "server_mapped_gib": memory.peak.mapped,
        **{f"request_{name}": value for name, value in generation.timings.items()},
    }


def _configure(models: Path, ensembles: Path, trial: Trial) -> None:
    """Let the repository serve one picture of this size at a time, in half precision."""
    profile = _profile(trial)
    for name in CONFIGURED:
        root = ensembles if name == DENOISE_STEP.name else models
        path = root.joinpath(*config_path(MODELS[name], profile.name).parts[1:])
        path.write_text(render(MODELS[name], profile))
    path = models / "instantid" / "1" / "pipeline.json"
    pipeline = json.loads(path.read_text())
    # The nodes warm up at this size before they are ready.
    pipeline |= {"native_height": trial.size_px, "native_width": trial.size_px}
    path.write_text(json.dumps(pipeline))


def _profile(trial: Trial) -> Profile:
    """Return the CPU's profile with this trial's batches and precision."""

    def placement(name: str, of_cpu: Placement) -> Placement:
        halved = {"dtype": DTYPE} if name in HALVED else {}
        return replace(
            of_cpu,
            max_batch_size=min(of_cpu.max_batch_size, trial.rows),
            parameters={**of_cpu.parameters, **halved},
        )

    cpu = read_profile(ROOT / "ensemble_configs" / "cpu.toml")
    placements = {name: placement(name, of_cpu) for name, of_cpu in cpu.placements.items()}
    return replace(cpu, placements=placements)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--scale", choices=SCALES, default="full")
    parser.add_argument("--size", type=int, help="of the picture (default: 512; reduced: 64)")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--guidance-scale", type=float, default=5.0, help="1: half the work")
    parser.add_argument("--start-timeout", type=float, default=3600.0, metavar="SECONDS")
    parser.add_argument("--request-timeout", type=float, default=3600.0, metavar="SECONDS")
    parser.add_argument("--work", type=Path, default=ROOT / "build", help="folder with room")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
