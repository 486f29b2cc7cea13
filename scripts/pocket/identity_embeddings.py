"""Identity embeddings: what the trained recogniser says of every aligned training face."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.networks import EMBEDDING_WIDTH, Recogniser
from scripts.pocket.recogniser_training import disturb, recogniser_input
from scripts.pocket.training_state import training_device

_BATCH = 128


Embed = Callable[[Picture], Floats]  # aligned faces [rows, 112, 112, 3] to embeddings [rows, 512]


def embed_with(recogniser: Recogniser) -> Embed:
    """Return the trained recogniser as a function."""
    recogniser.eval().to(training_device())

    def embed(faces: Picture) -> Floats:
        with torch.no_grad():
            embedded = recogniser(recogniser_input(faces).to(training_device()))
        vectors: Floats = embedded.cpu().numpy().astype(np.float32)
        return vectors

    return embed


def embed_with_served(repository: Path) -> Embed:
    """Return the recogniser of a model repository as a function."""
    model = repository / "face_embedder" / "1" / "model.onnx"
    session = onnxruntime.InferenceSession(model)

    def embed(faces: Picture) -> Floats:
        (embedded,) = session.run(None, {"aligned_face": recogniser_input(faces).numpy()})
        return np.asarray(embedded, np.float32)

    return embed


def make_embeddings(embed: Embed, faces: Picture, path: Path) -> Floats:
    """Return raw embeddings [persons, 6, 512] of faces [persons, 6, 112, 112, 3].

    The faces are disturbed a little, for in use the keypoints come from a detector.
    """
    if not path.exists():
        rng = np.random.default_rng(0xE3B)
        persons, per_person = faces.shape[:2]
        embeddings = np.empty((persons * per_person, EMBEDDING_WIDTH), np.float32)
        for start in range(0, len(embeddings), _BATCH):
            stop = min(start + _BATCH, len(embeddings))
            batch = np.stack(
                [disturb(faces[divmod(row, per_person)], rng) for row in range(start, stop)]
            )
            embeddings[start:stop] = embed(batch)
        part = path.with_suffix(".part.npy")
        np.save(part, embeddings.reshape(persons, per_person, EMBEDDING_WIDTH))
        os.replace(part, path)
    loaded: Floats = np.load(path)
    return loaded
