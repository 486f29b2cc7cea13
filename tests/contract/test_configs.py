"""What Triton is told of every model, in every profile, is what the contract says."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from google.protobuf import text_format  # type: ignore[import-untyped]  # has no stubs
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInput, ModelOutput

from instantid_server.contract import (
    CREDENTIALS,
    ENROLL,
    GENERATING_MODELS,
    INSTANTID_CANCEL,
    MAX_FACES,
    MODELS,
    PUBLIC_MODELS,
    VERIFY,
    ModelSpec,
    TensorSpec,
)
from instantid_server.settings import (
    FaceAnalysisSettings,
    PipelineSettings,
    TorchSettings,
    read_settings,
)

ROOT = Path(__file__).parents[2]
REPOSITORIES = (ROOT / "model_repository", ROOT / "ensemble_configs")
WIRE_TYPES = {"cpu": "FP32", "single-gpu": "FP16", "multi-gpu": "FP16"}
GPU_PROFILES = [profile for profile, dtype in WIRE_TYPES.items() if dtype == "FP16"]
GUIDANCE_BRANCHES = 2  # with the prompt and the face, and without

ENSEMBLES = [spec for spec in MODELS.values() if spec.backend == "ensemble"]
PYTHON_MODELS = [spec for spec in MODELS.values() if spec.backend == "python"]
WITHOUT_PARAMETERS = (CREDENTIALS, INSTANTID_CANCEL, ENROLL, VERIFY)
ONNX_MODELS = [spec for spec in MODELS.values() if spec.backend == "onnxruntime"]
STAGES = [spec for spec in (*PYTHON_MODELS, *ONNX_MODELS) if spec.name not in PUBLIC_MODELS]

SETTINGS: dict[str, type[FaceAnalysisSettings | PipelineSettings | TorchSettings]] = {
    "face_analysis": FaceAnalysisSettings,
    "instantid": PipelineSettings,
    "instantid_stream": PipelineSettings,
}

each_profile = pytest.mark.parametrize("profile", WIRE_TYPES)


def in_each_profile(specs: Iterable[ModelSpec]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("spec", "profile"),
        [
            pytest.param(spec, profile, id=f"{spec.name}-{profile}")
            for spec in specs
            for profile in WIRE_TYPES
        ],
    )


def served_config(model: str, profile: str) -> ModelConfig:
    """Return the config that Triton takes when it is started with `profile`."""
    (folder,) = [root / model for root in REPOSITORIES if (root / model).is_dir()]
    path = folder / "configs" / f"{profile}.pbtxt"
    if not path.exists():
        path = folder / "config.pbtxt"
    return text_format.Parse(path.read_text(), ModelConfig())


def type_name(tensor: ModelInput | ModelOutput) -> str:
    return str(model_config_pb2.DataType.Name(tensor.data_type))


def expected_type(tensor: TensorSpec, profile: str) -> str:
    dtype = WIRE_TYPES[profile] if tensor.on_wire else tensor.dtype
    return "TYPE_STRING" if dtype == "BYTES" else f"TYPE_{dtype}"


def own_parameters(config: ModelConfig) -> dict[str, str]:
    """Return the parameters of the stage; names in capitals are the backend's."""
    return {
        name: value.string_value for name, value in config.parameters.items() if not name.isupper()
    }


def test_every_model_has_a_folder_and_every_folder_a_model() -> None:
    folders = [path.name for root in REPOSITORIES for path in root.iterdir() if path.is_dir()]
    assert sorted(folders) == sorted(MODELS)


@pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)
def test_version_folder_holds_what_triton_loads(spec: ModelSpec) -> None:
    files = {"python": "model.py", "onnxruntime": "model.onnx", "ensemble": ".gitkeep"}
    (folder,) = [root / spec.name for root in REPOSITORIES if (root / spec.name).is_dir()]
    assert (folder / "1" / files[spec.backend]).is_file()


def test_every_config_file_belongs_to_a_profile() -> None:
    profiles = {path.stem for path in (ROOT / "ensemble_configs").glob("*.toml")}
    assert profiles == set(WIRE_TYPES)
    rendered = {path.stem for root in REPOSITORIES for path in root.glob("*/configs/*")}
    assert rendered == profiles - {"cpu"}


@in_each_profile(MODELS.values())
def test_tensors_are_those_of_the_contract(spec: ModelSpec, profile: str) -> None:
    config = served_config(spec.name, profile)
    assert [
        (tensor.name, type_name(tensor), tuple(tensor.dims), tensor.optional)
        for tensor in config.input
    ] == [
        (tensor.name, expected_type(tensor, profile), tensor.dims, tensor.optional)
        for tensor in spec.inputs
    ]
    assert [(tensor.name, type_name(tensor), tuple(tensor.dims)) for tensor in config.output] == [
        (tensor.name, expected_type(tensor, profile), tensor.dims) for tensor in spec.outputs
    ]


@in_each_profile(MODELS.values())
def test_kind_of_model_is_that_of_the_contract(spec: ModelSpec, profile: str) -> None:
    config = served_config(spec.name, profile)
    assert config.name == spec.name
    assert (config.platform if spec.backend == "ensemble" else config.backend) == spec.backend
    assert (config.max_batch_size > 0) == spec.batches
    assert config.model_transaction_policy.decoupled == spec.decoupled
    if spec.backend == "onnxruntime":
        assert config.default_model_filename == "model.onnx"


@in_each_profile(STAGES)
def test_stages_batch_what_is_there_without_waiting(spec: ModelSpec, profile: str) -> None:
    config = served_config(spec.name, profile)
    assert config.HasField("dynamic_batching")
    batching = config.dynamic_batching
    assert batching.max_queue_delay_microseconds == 0
    # Triton honours a caller's timeout only where it is shorter than a default that is not 0.
    assert batching.default_queue_policy.allow_timeout_override
    assert batching.default_queue_policy.default_timeout_microseconds >= 60_000_000
    assert batching.default_queue_policy.max_queue_size > 0
    if spec.backend == "python":
        assert all(tensor.allow_ragged_batch == (-1 in tensor.dims) for tensor in config.input)


@in_each_profile(spec for spec in PYTHON_MODELS if spec in WITHOUT_PARAMETERS)
def test_models_without_settings_take_no_parameters(spec: ModelSpec, profile: str) -> None:
    assert own_parameters(served_config(spec.name, profile)) == {}


@in_each_profile(spec for spec in PYTHON_MODELS if spec not in WITHOUT_PARAMETERS)
def test_node_accepts_its_parameters(spec: ModelSpec, profile: str) -> None:
    config = served_config(spec.name, profile)
    settings = read_settings(SETTINGS.get(spec.name, TorchSettings), own_parameters(config))
    (group,) = config.instance_group
    on_gpu = group.kind == group.KIND_GPU
    assert on_gpu == (profile in GPU_PROFILES and isinstance(settings, TorchSettings))
    if isinstance(settings, TorchSettings):
        assert (settings.device == "cuda") == on_gpu
    if isinstance(settings, PipelineSettings):
        assert settings.wire_dtype == WIRE_TYPES[profile]
    if on_gpu:
        forced = config.parameters["FORCE_CPU_ONLY_INPUT_TENSORS"]
        assert forced.string_value == "no"


@in_each_profile(ENSEMBLES)
def test_ensemble_edges_join_tensors_of_one_type(spec: ModelSpec, profile: str) -> None:
    config = served_config(spec.name, profile)
    known = {tensor.name: (type_name(tensor), list(tensor.dims)) for tensor in config.input}
    for step in config.ensemble_scheduling.step:
        called = served_config(step.model_name, profile)
        assert step.model_version == -1
        assert set(step.input_map) == {tensor.name for tensor in called.input}
        for tensor in called.input:
            edge = (type_name(tensor), list(tensor.dims))
            assert known[step.input_map[tensor.name]] == edge, tensor.name
        for tensor in called.output:
            known[step.output_map[tensor.name]] = (type_name(tensor), list(tensor.dims))
    for tensor in config.output:
        assert known[tensor.name] == (type_name(tensor), list(tensor.dims)), tensor.name


@in_each_profile(ENSEMBLES)
def test_ensemble_is_made_of_what_the_contract_says(spec: ModelSpec, profile: str) -> None:
    steps = served_config(spec.name, profile).ensemble_scheduling.step
    assert tuple(step.model_name for step in steps) == spec.calls


@each_profile
def test_step_batches_fit_into_every_stage_of_the_step(profile: str) -> None:
    step, identitynet, unet = (
        served_config(model, profile).max_batch_size
        for model in ("denoise_step", "identitynet", "unet")
    )
    assert step == identitynet == unet
    for model in GENERATING_MODELS:
        settings = read_settings(PipelineSettings, own_parameters(served_config(model, profile)))
        assert settings.max_batch_rows == step


@each_profile
def test_largest_request_fits_into_one_call_of_each_stage(profile: str) -> None:
    assert served_config("face_embedder", profile).max_batch_size >= MAX_FACES
    for model in ("text_encoder", "id_resampler"):
        assert served_config(model, profile).max_batch_size >= GUIDANCE_BRANCHES


@each_profile
def test_public_models_are_one_process_that_holds_no_gpu(profile: str) -> None:
    for model in PUBLIC_MODELS:
        (group,) = served_config(model, profile).instance_group
        assert (group.count, group.kind) == (1, group.KIND_CPU)


@pytest.mark.parametrize("profile", GPU_PROFILES)
def test_onnx_models_do_not_search_convolutions_anew_for_each_shape(profile: str) -> None:
    for spec in ONNX_MODELS:
        parameters = served_config(spec.name, profile).parameters
        assert parameters["cudnn_conv_algo_search"].string_value == "1"  # HEURISTIC


def test_multi_gpu_profile_spreads_the_stages() -> None:
    gpus = {
        spec.name: set(served_config(spec.name, "multi-gpu").instance_group[0].gpus)
        for spec in STAGES
    }
    unet, identitynet = gpus.pop("unet"), gpus.pop("identitynet")
    assert len(unet) > 1
    assert set().union(*gpus.values()).isdisjoint(unet | identitynet)


def test_models_call_models_that_exist() -> None:
    for spec in MODELS.values():
        assert set(spec.calls) <= MODELS.keys()
