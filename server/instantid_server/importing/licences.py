"""Licences of the weights people import: what their authors say, not what a mirror's label says."""

UNKNOWN = "unknown, ask its author"
INSTANTID = "for research purposes only, say its authors (the hub's label says Apache-2.0)"
ANTELOPEV2 = "for non-commercial research purposes only, says insightface"
OPENRAIL = "CreativeML Open RAIL++-M"
POCKET = "Apache-2.0"

NOTICE = (
    "InstantID's weights are for research, antelopev2 is for non-commercial research only. Faces "
    "belong to people: ask before you use one."
)

HUB_LICENCES = {
    "InstantX/InstantID": INSTANTID,
    "latent-consistency/lcm-lora-sdxl": OPENRAIL,
    "stabilityai/stable-diffusion-xl-base-1.0": OPENRAIL,
}
