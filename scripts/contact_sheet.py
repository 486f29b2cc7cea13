"""A contact sheet: pictures of one size side by side, each with a line of text below."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

TILE_PX = 256
MARGIN_PX = 12
LABEL_PX = 26

Tile = tuple[str, Image.Image]


def contact_sheet(rows: Sequence[Sequence[Tile]]) -> Image.Image:
    """Return one picture of all tiles; small ones are enlarged without blur."""
    step_x, step_y = TILE_PX + MARGIN_PX, TILE_PX + LABEL_PX + MARGIN_PX
    columns = max(len(row) for row in rows)
    size = (columns * step_x + MARGIN_PX, len(rows) * step_y + MARGIN_PX)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for row_index, row in enumerate(rows):
        for column, (label, picture) in enumerate(row):
            left, top = MARGIN_PX + column * step_x, MARGIN_PX + row_index * step_y
            sheet.paste(_fit(picture), (left, top))
            draw.text((left, top + TILE_PX + 4), label, fill="black", font=font)
    return sheet


def _fit(picture: Image.Image) -> Image.Image:
    """Return a square tile with `picture` as large as fits."""
    scale = TILE_PX / max(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    method = Image.Resampling.NEAREST if scale >= 4 else Image.Resampling.LANCZOS
    tile = Image.new("RGB", (TILE_PX, TILE_PX), "white")
    corner = ((TILE_PX - size[0]) // 2, (TILE_PX - size[1]) // 2)
    tile.paste(picture.convert("RGB").resize(size, method), corner)
    return tile
