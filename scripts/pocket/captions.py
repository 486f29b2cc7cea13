"""Captions: a scene in words, in varied order, with parts left out."""

import numpy as np

from scripts.pocket.scene import (
    GARMENT_COLOURS,
    GARMENTS,
    HAIR_COLOURS,
    HAIR_STYLES,
    NO_HAIR,
    Scene,
)

_STYLE_PHRASES = {
    "plain": ("a portrait", "a picture", "an image"),
    "watercolor": ("a watercolor portrait", "a watercolor painting"),
    "comic": ("a comic portrait", "a comic drawing"),
    "pencil": ("a pencil portrait", "a pencil drawing"),
    "oil": ("an oil portrait", "an oil painting"),
    "pastel": ("a pastel portrait", "a pastel painting"),
}
_SUBJECTS = ("a person", "a face", "a man", "a woman")
_EXPRESSION_PHRASES = {
    "neutral": ("with a neutral expression", "neutral"),
    "smiling": ("smiling", "with a smile"),
    "laughing": ("laughing", "with a laugh"),
    "sad": ("looking sad", "sad"),
    "surprised": ("looking surprised", "surprised"),
    "angry": ("looking angry", "angry"),
}
_BACKGROUND_PHRASES = {
    "studio": ("in a studio", "in the studio"),
    "beach": ("at the beach", "on a beach"),
    "forest": ("in a forest", "in the forest"),
    "city": ("in the city", "in a city"),
    "mountains": ("in the mountains", "in front of mountains"),
    "library": ("in a library", "in the library"),
    "space": ("in space", "in outer space"),
    "snow": ("in the snow", "in snow"),
    "desert": ("in the desert", "in a desert"),
    "garden": ("in a garden", "in the garden"),
}
_LIGHT_PHRASES = {
    "daylight": ("in daylight", "by day"),
    "warm": ("in warm light", "with warm light"),
    "cold": ("in cold light", "with cold light"),
    "dim": ("in dim light", "with dim light"),
    "dramatic": ("in dramatic light", "with dramatic light"),
}
_ACCESSORY_PHRASES = {
    "glasses": "glasses",
    "hat": "a hat",
    "crown": "a crown",
    "headphones": "headphones",
    "earrings": "earrings",
    "scarf": "a scarf",
}
_ADDITIONS = (
    "beautiful",
    "detailed",
    "high quality",
    "best quality",
    "sharp focus",
    "colorful",
    "highly detailed",
    "photo",
    "illustration",
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def full_caption(scene: Scene) -> str:
    """Return the caption that names every attribute, in the usual order."""
    hair, worn = _hair(scene, 0), _worn(scene)
    return (
        f"{_STYLE_PHRASES[scene.art_style][0]} of a person {hair}, wearing {worn}, "
        f"{_EXPRESSION_PHRASES[scene.expression][0]}, "
        f"{_BACKGROUND_PHRASES[scene.background][0]}, {_LIGHT_PHRASES[scene.light][0]}"
    )


def training_caption(scene: Scene, rng: np.random.Generator, drop: float = 0.12) -> str:
    """Return a caption that varies words and order, drops parts and sometimes adds noise."""
    style = _either(rng, _STYLE_PHRASES[scene.art_style])
    if rng.random() < drop:
        style = "a portrait"
    subject = "a person" if rng.random() < 0.6 else _either(rng, _SUBJECTS)
    parts = [
        _hair(scene, int(rng.integers(2))),
        f"wearing {_worn(scene)}",
        _either(rng, _EXPRESSION_PHRASES[scene.expression]),
        _either(rng, _BACKGROUND_PHRASES[scene.background]),
        _either(rng, _LIGHT_PHRASES[scene.light]),
    ]
    kept = [part for part in parts if rng.random() >= drop]
    if rng.random() < 0.5:
        rng.shuffle(kept)
    if rng.random() < 0.15:
        kept.insert(int(rng.integers(len(kept) + 1)), _addition(rng))
    opening = f"{style} of {subject}"
    if kept and kept[0].startswith("with ") and rng.random() < 0.7:
        opening = f"{opening} {kept.pop(0)}"
    return ", ".join([opening, *kept])


def caption_words() -> list[str]:
    """Return every word that a caption can hold, sorted."""
    phrases = [
        phrase for group in _PHRASE_GROUPS for choices in group.values() for phrase in choices
    ]
    phrases += [*_SUBJECTS, *_ACCESSORY_PHRASES.values(), *_ADDITIONS]
    phrases += [*HAIR_COLOURS, *HAIR_STYLES, *GARMENTS, *GARMENT_COLOURS]
    phrases += [
        "of with hair in a bun head bald wearing and ,",
        "an oil coat",
        "low worst blurry ugly",
    ]
    words = {word for phrase in phrases for word in _split(phrase)}
    return sorted(words)


def _split(phrase: str) -> list[str]:
    """Split as CLIP's tokenizer does: letters together, marks apart."""
    return phrase.replace(",", " , ").replace("-", " - ").split()


_PHRASE_GROUPS = (_STYLE_PHRASES, _EXPRESSION_PHRASES, _BACKGROUND_PHRASES, _LIGHT_PHRASES)


def _hair(scene: Scene, wording: int) -> str:
    if scene.hair_style == NO_HAIR:
        return ("with no hair", "with a bald head")[wording]
    colour = scene.hair_colour
    if scene.hair_style == "bun":
        return (f"with {colour} hair in a bun", f"with a {colour} bun")[wording]
    if scene.hair_style == "bob":
        return (f"with a {colour} bob", f"with {colour} bob hair")[wording]
    return (
        f"with {scene.hair_style} {colour} hair",
        f"with {colour} {scene.hair_style} hair",
    )[wording]


def _worn(scene: Scene) -> str:
    article = "an" if scene.garment_colour[0] in "aeiou" else "a"
    garment = f"{article} {scene.garment_colour} {scene.garment}"
    if scene.accessory == "none":
        return garment
    return f"{garment} and {_ACCESSORY_PHRASES[scene.accessory]}"


def _addition(rng: np.random.Generator) -> str:
    if rng.random() < 0.5:
        return _either(rng, _ADDITIONS)
    return "".join(
        _LETTERS[int(letter)] for letter in rng.integers(26, size=int(rng.integers(2, 9)))
    )


def _either(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
