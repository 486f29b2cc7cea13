"""Tokenizers: in either form of transformers', checked as they will be served."""

import json
import shutil
from pathlib import Path

import pytest
from transformers import CLIPTokenizer

from instantid_server.importing.base import read_base
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.text_encoders import find_tokenizers, plan_tokenizer
from tests.unit.importing.sources import TinySources


@pytest.mark.parametrize("file", ["vocab.json", "merges.txt", "tokenizer_config.json"])
def test_missing_tokenizer_file_is_named(own_sources: TinySources, file: str) -> None:
    (own_sources.base / "tokenizer_2" / file).unlink()
    with pytest.raises(ImportFailed, match=f"tokenizer_2/{file}: missing"):
        read_base(own_sources.base, None)


def save_tokenizer_anew(folder: Path) -> CLIPTokenizer:
    """Save a tokenizer in the one file of today's transformers; return what it was read as."""
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder)
    tokenizer("a", padding="max_length", truncation=True)  # goes into the file
    shutil.rmtree(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.mark.parametrize("index", [0, 1])
def test_tokenizer_in_one_file_makes_the_same_tokens(
    own_sources: TinySources, tmp_path: Path, index: int
) -> None:
    folder = find_tokenizers(own_sources.base)[index]
    parts = save_tokenizer_anew(folder)
    assert not (folder / "vocab.json").exists()
    assert find_tokenizers(own_sources.base)[index] == folder
    for file in plan_tokenizer(folder, index, len(parts)):
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        file.write(tmp_path)
    served = CLIPTokenizer.from_pretrained(tmp_path / "text_encoder" / "1" / folder.name)
    for prompt in (
        "",
        "A Portrait, in\tthe SNOW's light!",
        "caf\u00e9 1234 \U0001f600",
        "x " * 200,
    ):
        ids = [made(prompt, add_special_tokens=False).input_ids for made in (parts, served)]
        assert ids[0] == ids[1]
    assert served.special_tokens_map == parts.special_tokens_map


def test_tokenizer_is_checked_in_the_files_that_are_served(own_sources: TinySources) -> None:
    folder = own_sources.base / "tokenizer"
    tokens = len(CLIPTokenizer.from_pretrained(folder))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["fast_tokenizer_files"] = ["tokenizer.4.0.0.json"]  # transformers prefers it
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "tokenizer.4.0.0.json").write_text("left behind")
    names = {file.path.name for file in plan_tokenizer(folder, 0, tokens)}
    assert names >= {"vocab.json", "merges.txt", "tokenizer_config.json"}
    assert "tokenizer.4.0.0.json" not in names


def test_tokenizer_in_one_damaged_file_is_refused(own_sources: TinySources) -> None:
    folder = own_sources.base / "tokenizer"
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ImportFailed, match="no tokenizer that transformers can read"):
        plan_tokenizer(folder, 0, vocabulary_size=1)


def test_merges_of_another_vocabulary_are_refused(own_sources: TinySources) -> None:
    folder = own_sources.base / "tokenizer"
    (folder / "merges.txt").write_text("#version: 0.2\nnobody says\n")
    with pytest.raises(ImportFailed, match="no tokenizer that transformers can read"):
        plan_tokenizer(folder, 0, vocabulary_size=1)


def test_tokenizer_of_another_vocabulary_is_refused(tiny_sources: TinySources) -> None:
    with pytest.raises(ImportFailed, match="expected the 49408 of its text encoder"):
        plan_tokenizer(tiny_sources.base / "tokenizer", 0, vocabulary_size=49408)


def test_tokenizer_config_as_released_is_taken(own_sources: TinySources) -> None:
    path = own_sources.base / "tokenizer_2" / "tokenizer_config.json"
    config = json.loads(path.read_text())
    token = {"__type": "AddedToken", "lstrip": False, "normalized": True, "single_word": False}
    for name in ("bos_token", "eos_token"):
        config[name] = {**token, "rstrip": False, "content": config[name]}
    tokens = len(CLIPTokenizer.from_pretrained(path.parent))
    path.write_text(json.dumps({**config, "name_or_path": "openai/clip", "errors": "replace"}))
    plan_tokenizer(path.parent, 1, tokens)
