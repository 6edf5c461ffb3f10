"""Sheets of whole photos before and after restoring every face that is not sharp already, for `dpi_core.evaluation.faces`."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from dpi_core.errors import DPIError
from dpi_core.imaging.pictures import read_image
from dpi_core.models.presets import PRESETS
from dpi_core.restore.restorer import Restorer

TILE = 640  # the longer side of a photo on the sheet
ROWS = 4


def before_and_after(restorer: Restorer, photo: Path, detector: str, steps: int | None) -> Image.Image:
    """Lay a photo beside itself with every face restored that is not sharp, and a line on them underneath."""
    config = PRESETS["medium"][0].replaced({"steps": steps} if steps else {})
    before = after = read_image(photo)
    try:
        result = restorer.restore(photo, config, face="all", detector=detector)
        after, text = result.photo, f"{len(result.results)} of {len(result.preparation.faces)} faces restored"
    except DPIError as error:
        text = str(error).split(".")[0]
    scale = min(1.0, TILE / max(before.size))
    size = (round(before.width * scale), round(before.height * scale))
    tile = Image.new("RGB", (2 * TILE + 8, size[1] + 22), "white")
    for i, picture in enumerate((before, after)):
        tile.paste(picture.resize(size, Image.Resampling.LANCZOS), (i * (TILE + 8), 0))
    ImageDraw.Draw(tile).text((4, size[1] + 5), f"{photo.name}: {text}", fill="black")
    return tile


def sheets(tiles: Sequence[Image.Image]) -> list[Image.Image]:
    """Lay the tiles under each other, `ROWS` a sheet."""
    made = []
    for start in range(0, len(tiles), ROWS):
        some = tiles[start : start + ROWS]
        sheet = Image.new("RGB", (max(t.width for t in some), sum(t.height for t in some)), "white")
        top = 0
        for tile in some:
            sheet.paste(tile, (0, top))
            top += tile.height
        made.append(sheet)
    return made
