"""The vocabulary: a small byte-pair table in CLIP's format in which known words are one token."""

import itertools
import json
from pathlib import Path

from transformers import CLIPTokenizer

from scripts.pocket.captions import caption_words

MAX_TOKENS = 77
_WORD_END = "</w>"
_START, _END = "<|startoftext|>", "<|endoftext|>"


def _byte_letters() -> list[str]:
    """Return the 256 letters that stand for bytes in CLIP's files, printable ones first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shifted = [256 + place for place in range(256 - len(printable))]
    return [chr(code) for code in printable + shifted]


def merge_table(words: list[str]) -> list[tuple[str, str]]:
    """Return byte-pair merges that make each word one token.

    Merges for a word go to the end of the table and join what the table so far leaves of it, so
    no earlier word is changed: while it is in pieces, an earlier merge still applies to it.
    """
    ranks: dict[tuple[str, str], int] = {}
    for word in words:
        pieces = _encode(word, ranks)
        while len(pieces) > 1:
            ranks.setdefault((pieces[0], pieces[1]), len(ranks))
            pieces = _encode(word, ranks)
    return list(ranks)


def write_tokenizer(folder: Path, pad_token: str) -> None:
    """Write a tokenizer; SDXL pads its first encoder with the end token, its second with "!"."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = merge_table(caption_words())
    letters = _byte_letters()
    tokens = [*letters, *(letter + _WORD_END for letter in letters)]
    tokens += [left + right for left, right in merges]
    tokens = [*dict.fromkeys(tokens), _START, _END]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0))
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": MAX_TOKENS,
        "bos_token": _START,
        "eos_token": _END,
        "unk_token": _END,
        "pad_token": pad_token,
        "do_lower_case": True,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    special = {
        name: settings[name] for name in ("bos_token", "eos_token", "unk_token", "pad_token")
    }
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Load a tokenizer written by write_tokenizer."""
    return CLIPTokenizer.from_pretrained(folder)


def _encode(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    pieces = [*word[:-1], word[-1] + _WORD_END]
    while True:
        pairs = list(itertools.pairwise(pieces))
        known = [ranks[pair] for pair in pairs if pair in ranks]
        if not known:
            return pieces
        best = min(known)
        place = next(place for place, pair in enumerate(pairs) if ranks.get(pair) == best)
        pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
