"""The README's contact sheet: drawn persons the weights never saw, each in the same scenes."""

import json
import sys

from PIL import Image

from instantid_client import Client
from scripts.contact_sheet import Tile, contact_sheet
from scripts.local_server import local_server
from scripts.reports import ROOT

DATA = ROOT / "tests" / "data"
OUTPUT = ROOT / "model_repository" / "contact_sheet.jpg"  # a file here is not a model to Triton
SCENES = {
    "city": "a comic portrait of a person with short brown hair, wearing a red hoodie, in the city",
    "garden": "a portrait of a person with long blond hair, wearing a blue dress, in a garden",
    "beach": "a watercolor portrait of a person with curly black hair, smiling, at the beach",
    "mountains": "a portrait of a person with grey hair, wearing a green coat, in the mountains",
}
SEED = 1
TIMEOUT_S = 120.0


def main() -> int:
    """Draw every portrait of tests/data in every scene and write the sheet."""
    portraits = sorted(json.loads((DATA / "portraits.json").read_text()))
    rows = []
    with local_server(policy="") as server, Client(server.grpc_url, timeout_s=TIMEOUT_S) as client:
        for name in portraits:
            row: list[Tile] = [("reference", Image.open(DATA / name))]
            for scene, prompt in SCENES.items():
                drawn = client.generate(prompt=prompt, face_image=DATA / name, seed=SEED)
                similarity = drawn.pictures[0].identity_similarity
                told = "no face" if similarity is None else f"identity {similarity:.2f}"
                row.append((f"{scene}, {told}", drawn.pictures[0].image))
            rows.append(row)
    contact_sheet(rows).save(OUTPUT, quality=85)
    print(OUTPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
