"""The guidance that suits the pocket weights."""

GUIDANCE_SCALE = 2.0  # at the public default of 5, which suits SDXL, their colours burn
