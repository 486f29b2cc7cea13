"""The policy page: safe without words, strict in its names, the same in every process."""

import shutil
from pathlib import Path

import pytest

from instantid_server.trust.policy import (
    POLICY_VARIABLE,
    MarkPolicy,
    Policy,
    PolicyError,
    SafetyPolicy,
)


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def test_page_says_what_differs_from_the_safe_defaults(tmp_path: Path) -> None:
    page = 'previews = false\n[safety]\nadjustment = 0\n[mark]\nwatermarker = "none"\n'
    policy = Policy.read(written(tmp_path, page))
    assert policy == Policy(previews=False, mark=MarkPolicy(watermarker="none"))
    assert Policy.read(written(tmp_path, "")) == Policy()


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("preview = false", "preview: no such name"),
        ("[safety]\nthreshold = 1", "safety.threshold: no such name"),
        ('previews = "no"', "previews: expected bool"),
        ("safety = 3", "safety: expected SafetyPolicy"),
        ("previews = {}", "previews: expected bool, got a table"),
        ('[safety]\nchecker = "clip"', "safety.checker: expected one of stage, none"),
        ("[verify]\nper_minute = true", "verify.per_minute: expected int"),
        ("[verify]\nper_minute = 0", "verify.per_minute: expected 1 to"),
        ("[mark]\namplitude = nan", "mark.amplitude: expected 0.1 to 10"),
        ("[mark", "policy.toml: "),
    ],
)
def test_page_that_makes_no_sense_is_refused_by_name(
    tmp_path: Path, page: str, complaint: str
) -> None:
    with pytest.raises(PolicyError, match=complaint):
        Policy.read(written(tmp_path, page))


def test_every_process_of_a_server_reads_the_same_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(safety=SafetyPolicy(adjustment=0.02))
    monkeypatch.setenv(POLICY_VARIABLE, policy.to_json())
    assert Policy.from_environment() == policy
    monkeypatch.delenv(POLICY_VARIABLE)
    assert Policy.from_environment() == Policy()


def test_digest_changes_with_anything_that_the_page_says() -> None:
    others = (Policy(previews=False), Policy(mark=MarkPolicy(amplitude=0.8)))
    assert len({policy.digest for policy in (Policy(), *others)}) == 3
    assert Policy().digest == Policy().digest


def test_paths_on_a_page_count_from_its_folder(tmp_path: Path) -> None:
    policy = Policy.read(written(tmp_path, '[protected]\nregistry = "protected.jsonl"'))
    assert policy.protected.registry == str(tmp_path.resolve() / "protected.jsonl")
    assert Policy().protected.registry == ""


def test_path_outlives_an_update_of_a_config_map(tmp_path: Path) -> None:
    """Files are links to `..data`, a link to a dated folder, which alone is moved."""
    page = '[protected]\nregistry = "protected.jsonl"'
    for name, text in (("..1", "old"), ("..2", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.toml").write_text(page)
        (tmp_path / name / "protected.jsonl").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    for name in ("policy.toml", "protected.jsonl"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    policy = Policy.read(tmp_path / "policy.toml")
    (tmp_path / "..data").unlink()
    (tmp_path / "..data").symlink_to("..2")
    shutil.rmtree(tmp_path / "..1")
    assert Path(policy.protected.registry).read_text() == "new"


def test_containers_policy_takes_the_word_of_issuers_alone() -> None:
    strict = Policy.read(Path(__file__).parents[3] / "docker" / "policy.toml")
    assert strict.consent.required
    assert not strict.consent.self_attested
    assert not strict.consent.demo
    assert strict.safety == Policy().safety
