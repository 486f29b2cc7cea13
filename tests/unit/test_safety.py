"""The safety stage: which pictures it flags, and what it does where it cannot judge."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_safety import SIDE_PX, tiny_safety_checker, write_safety_checker
from torch import Tensor

from instantid_server.errors import InvalidInput, PolicyUnavailable
from instantid_server.node import NodeContext
from instantid_server.stages.clip_windows import clip_windows
from instantid_server.stages.safety import Concepts, Judgement, SafetyChecker, load_safety
from instantid_server.trust.policy import POLICY_VARIABLE, Policy, SafetyPolicy

Context = Callable[[str], NodeContext]

EAST = torch.tensor([[1.0, 0.0, 0.0]])
NORTH = torch.tensor([[0.0, 1.0, 0.0]])


def pictures(rows: int, height: int = SIDE_PX, width: int = SIDE_PX) -> Tensor:
    """Return pictures of a few large patches, each of another look."""
    generator = torch.Generator().manual_seed(rows)
    patches = torch.randint(0, 256, (rows, 4, 4, 3), dtype=torch.uint8, generator=generator)
    tall = patches.repeat_interleave(-(-height // 4), 1)[:, :height]
    return tall.repeat_interleave(-(-width // 4), 2)[:, :, :width]


def judgement(adjustment: float = 0.0) -> Judgement:
    """Return one that looks for the east, and takes special care in the north."""
    threshold = torch.tensor([0.5])
    return Judgement(Concepts(EAST, threshold), Concepts(NORTH, threshold), adjustment)


def at_cosine(cosine: float, rest: Tensor) -> Tensor:
    """Return an embedding, not of length 1, at this cosine to the east."""
    return 3 * (cosine * EAST + (1 - cosine**2) ** 0.5 * rest)


def set_policy(monkeypatch: pytest.MonkeyPatch, checker: str) -> None:
    policy = Policy(safety=SafetyPolicy(checker=checker))
    monkeypatch.setenv(POLICY_VARIABLE, policy.to_json())


def flags(stage: SafetyChecker, images: Tensor) -> list[bool]:
    (outcome,) = stage.run([{"image": images}])
    assert isinstance(outcome, dict)
    return [bool(flag) for flag in outcome["flagged"][:, 0]]


def test_pictures_are_flagged_as_diffusers_flags_them(node_context: Context) -> None:
    images = pictures(64)
    stage = SafetyChecker.load(node_context("safety"), adjustment=0.0)
    network = tiny_safety_checker()
    # Of its two rules the one that does not round scores to thousandths first.
    _, expected = network.forward_onnx(clip_windows(images, SIDE_PX), images.clone())
    assert flags(stage, images) == expected.tolist()
    assert 0 < sum(expected) < len(expected), "the example shows one side alone"


def test_higher_adjustment_flags_the_same_pictures_and_more(node_context: Context) -> None:
    images = pictures(64)
    counts = []
    before = [False] * len(images)
    for adjustment in (-1.0, -0.1, 0.0, 0.1, 1.0):
        now = flags(SafetyChecker.load(node_context("safety"), adjustment), images)
        assert all(later >= earlier for earlier, later in zip(before, now, strict=True))
        counts.append(sum(now))
        before = now
    assert counts[0] == 0
    assert len(set(counts)) > 2


@pytest.mark.parametrize(
    ("cosine", "adjustment", "flagged"),
    [(0.52, 0.0, True), (0.48, 0.0, False), (0.48, 0.03, True), (0.52, -0.03, False)],
)
def test_adjustment_moves_the_threshold(cosine: float, adjustment: float, flagged: bool) -> None:
    west = -EAST + torch.tensor([[1.0, 0.0, 1.0]])  # neither east nor north
    assert judgement(adjustment).flags(at_cosine(cosine, west)).tolist() == [flagged]


def test_special_care_lowers_the_thresholds_and_flags_nothing_by_itself() -> None:
    care = judgement()
    up = torch.tensor([[0.0, 0.0, 1.0]])
    assert care.flags(at_cosine(0.495, up)).tolist() == [False]
    assert care.flags(at_cosine(0.495, NORTH)).tolist() == [True]
    assert care.flags(at_cosine(0.4, NORTH)).tolist() == [False]


def test_picture_whose_score_is_no_number_is_flagged() -> None:
    assert judgement().flags(torch.full((1, 3), torch.nan)).tolist() == [True]


def test_what_is_flagged_at_one_end_of_a_wide_picture_flags_it(node_context: Context) -> None:
    stage = SafetyChecker.load(node_context("safety"), adjustment=0.0)
    squares = pictures(64)
    bad, good = (squares[flags(stage, squares).index(flag)][None] for flag in (True, False))
    assert flags(stage, torch.cat([good, good, good], dim=2)) == [False]
    assert flags(stage, torch.cat([bad, good, good], dim=2)) == [True]


def test_thresholds_stay_in_single_precision(node_context: Context) -> None:
    context = replace(node_context("safety"), parameters={"dtype": "bfloat16"})
    stage = SafetyChecker.load(context, adjustment=0.0)
    assert stage._judgement.concepts.thresholds.dtype is torch.float32
    assert stage._network.visual_projection.weight.dtype is torch.bfloat16


def test_checker_is_named_by_the_digest_of_its_weights(
    node_context: Context, tiny_repository: Path
) -> None:
    stage = SafetyChecker.load(node_context("safety"), adjustment=0.0)
    (outcome,) = stage.run([{"image": pictures(2)}])
    weights = (tiny_repository / "safety/1/model.safetensors").read_bytes()
    name = f"clip sha256:{hashlib.sha256(weights).hexdigest()[:8]}".encode()
    assert isinstance(outcome, dict)
    assert outcome["checker"].tolist() == [[name], [name]]


def test_picture_too_long_to_be_looked_at_is_refused(node_context: Context) -> None:
    stage = SafetyChecker.load(node_context("safety"), adjustment=0.0)
    (outcome,) = stage.run([{"image": pictures(1, 2, 80)}])
    assert isinstance(outcome, InvalidInput)
    assert outcome.message == "image: expected sides of at most 32:1, got 2x80"


def test_weights_that_lack_a_tensor_do_not_load(node_context: Context, tmp_path: Path) -> None:
    tensors = dict(tiny_safety_checker().state_dict())
    del tensors["visual_projection.weight"]
    write_safety_checker(tmp_path, tensors)
    with pytest.raises(RuntimeError, match=r"Missing key.*visual_projection\.weight"):
        SafetyChecker.load(replace(node_context("safety"), directory=tmp_path), adjustment=0.0)


def test_without_weights_every_picture_is_refused(node_context: Context, tmp_path: Path) -> None:
    stage = load_safety(replace(node_context("safety"), directory=tmp_path))
    outcomes = stage.run([{"image": pictures(1)}] * 2)
    assert all(isinstance(outcome, PolicyUnavailable) for outcome in outcomes)
    assert "instantid import --safety-checker DIR" in str(outcomes[0])


def test_policy_without_a_checker_loads_no_weights_and_passes_nothing(
    node_context: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_policy(monkeypatch, "none")
    stage = load_safety(node_context("safety"))
    (outcome,) = stage.run([{"image": pictures(1)}])
    assert isinstance(outcome, PolicyUnavailable)
    assert [record.message for record in caplog.records] == [
        "finished pictures are judged by nobody: the policy says so"
    ]


def test_policy_says_how_strictly(node_context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(safety=SafetyPolicy(adjustment=1.0))
    monkeypatch.setenv(POLICY_VARIABLE, policy.to_json())
    stage = load_safety(node_context("safety"))
    assert isinstance(stage, SafetyChecker)
    assert stage._judgement.adjustment == 1.0


def test_loaded_tensors_are_those_of_the_file(node_context: Context, tiny_repository: Path) -> None:
    stage = SafetyChecker.load(node_context("safety"), adjustment=0.0)
    held = load_file(tiny_repository / "safety/1/model.safetensors")
    loaded = stage._network.state_dict()
    assert held.keys() == loaded.keys()
    assert all(torch.equal(held[name], loaded[name]) for name in held)
