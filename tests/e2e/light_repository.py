"""Repositories with the names and tensors of the contract and nothing behind them.

They load in two seconds, where the real ones import torch nine times over: enough to test how a
server starts and ends.
"""

from pathlib import Path

from instantid_server.contract import FACE_EMBEDDER, MODELS, ModelSpec, TensorSpec

_NODE = '''"""Answers nothing."""


class TritonPythonModel:
    def execute(self, requests):
        return [None for _ in requests]
'''

_ADMISSION = "[admission]\nmax_running_pictures = 8\nmax_waiting = 32\n"


def write_light_repositories(root: Path) -> tuple[Path, Path]:
    """Write `models/` and `ensembles/` under `root` and return both."""
    for spec in MODELS.values():
        is_ensemble = spec.backend == "ensemble"
        folder = root / ("ensembles" if is_ensemble else "models") / spec.name
        (folder / "1").mkdir(parents=True)
        (folder / "config.pbtxt").write_text(_config(spec))
        if not is_ensemble:
            (folder / "1/model.py").write_text(_NODE)
    # The server takes the fingerprint of what makes its embeddings.
    (root / "models" / FACE_EMBEDDER.name / "1/model.onnx").write_bytes(b"a recogniser")
    (root / "ensembles" / "cpu.toml").write_text(_ADMISSION)
    return root / "models", root / "ensembles"


def _config(spec: ModelSpec) -> str:
    tensors = [("input", tensor) for tensor in spec.inputs]
    tensors += [("output", tensor) for tensor in spec.outputs]
    return "\n".join(
        [
            f'name: "{spec.name}"',
            f"max_batch_size: {8 if spec.batches else 0}",
            *(_tensor(kind, tensor) for kind, tensor in tensors),
            _scheduling(spec) if spec.backend == "ensemble" else 'backend: "python"',
            *([_DECOUPLED] if spec.decoupled else []),
        ]
    )


_DECOUPLED = "model_transaction_policy { decoupled: true }"


def _tensor(kind: str, tensor: TensorSpec) -> str:
    dtype = "STRING" if tensor.dtype == "BYTES" else tensor.dtype
    optional = "optional: true" if tensor.optional else ""
    return (
        f'{kind} {{ name: "{tensor.name}" data_type: TYPE_{dtype} '
        f"dims: {list(tensor.dims)} {optional} }}"
    )


def _scheduling(spec: ModelSpec) -> str:
    steps = []
    taken = {tensor.name for tensor in spec.outputs}
    taken |= {tensor.name for name in spec.calls for tensor in MODELS[name].inputs}
    for name in spec.calls:
        maps = [("input", tensor.name, tensor.name) for tensor in MODELS[name].inputs]
        outputs = {tensor.name: _inside(name, tensor.name) for tensor in MODELS[name].outputs}
        # Triton refuses a tensor that nobody takes.
        maps += [("output", own, inside) for own, inside in outputs.items() if inside in taken]
        mapped = " ".join(
            f'{kind}_map {{ key: "{key}" value: "{value}" }}' for kind, key, value in maps
        )
        steps.append(f'step {{ model_name: "{name}" model_version: -1 {mapped} }}')
    return f'platform: "ensemble" ensemble_scheduling {{ {" ".join(steps)} }}'


def _inside(model: str, tensor: str) -> str:
    return f"{model}_{tensor}" if tensor.endswith("batch_requests") else tensor
