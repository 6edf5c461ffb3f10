"""The faces of a run, from any folder: decoded as far as they are needed, found and cut out where they are not aligned."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from dpi_core.errors import DPIError
from dpi_core.evaluation.experiment.plan import FaceSource, Plan
from dpi_core.evaluation.held_out import Faces, face_sets
from dpi_core.evaluation.kept import kept
from dpi_core.faces import TEMPLATES, detect_faces, span
from dpi_core.faces.align import crop_face
from dpi_core.imaging.photo import read_photo
from dpi_core.imaging.pictures import ImageError
from dpi_core.imaging.pixels import to_tensor
from dpi_core.training.data import IMAGE_SUFFIXES, decode, held_out_names, ranked_names
from dpi_core.weights.embedded_files import ASSETS

MORE = 400  # real faces beside those that are restored
LARGE = 0.75  # of the side of the crop that a face has in its photograph


def faces_of(plan: Plan, template: str, size: int, folder: Path) -> tuple[Faces, Tensor]:
    """Read a plan's faces, and others (M,3,S,S) that are real, for a prior of `size` pixels; keep what was found in `folder`.

    Raises:
        ValueError: if a folder is missing or holds no face.
    """
    if plan.real is None:
        both = _faces(plan.faces, plan.faces.count + MORE, template, size, folder)
        count = plan.faces.count
        return Faces(both.names[:count], both.pixels[:count]), both.pixels[count:]
    faces = _faces(plan.faces, plan.faces.count, template, size, folder)
    return faces, _faces(plan.real, plan.real.count, template, size, folder).pixels


def _faces(source: FaceSource, count: int, template: str, size: int, folder: Path) -> Faces:
    where = ASSETS / "examples" if source.folder == "bundled" else Path(source.folder).expanduser()
    if not where.is_dir():
        raise DPIError(f"faces: {where} is no folder. Say where they are with --faces FOLDER.")
    if source.aligned and any(where.glob("*.tar")):
        found = next(iter(face_sets(where, size, everything=not source.held_out).values()))
        some = slice(source.skip, source.skip + count)
        return Faces(found.names[some], found.pixels[some])
    names = [str(p.relative_to(where)) for p in where.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES]
    ranked = ranked_names(held_out_names(names) if source.held_out else names)[source.skip :]
    stamps = [(name, (where / name).stat().st_size) for name in ranked[: 2 * count]]

    def read() -> dict[str, Tensor]:
        places, pixels = [], []
        bar = tqdm(total=min(count, len(ranked)), desc=f"faces of {where.name}", leave=False)
        for place, face in _cut(where, ranked, source, template):
            places.append(place)
            pixels.append(np.asarray(face.resize((size, size), Image.Resampling.LANCZOS)))
            bar.update()
            if len(pixels) == count:
                break
        if not pixels:
            raise DPIError(f"faces: no face was found in the {len(ranked)} pictures of {where}.")
        return {"place": torch.tensor(places), "pixels": torch.from_numpy(np.stack(pixels))}

    found_there = kept(folder, f"faces {source} {count} {template} {size} {stamps}", read)
    return Faces([ranked[place] for place in found_there["place"].tolist()], to_tensor(found_there["pixels"]))


def _cut(where: Path, names: list[str], source: FaceSource, template: str) -> Iterator[tuple[int, Image.Image]]:
    """Yield the number and the aligned face of each picture that has one."""
    for place, name in enumerate(names):
        try:
            if source.aligned:
                yield place, decode((where / name).read_bytes())
                continue
            photo = read_photo(where / name).rgb
        except (ImageError, OSError):  # one file that is no picture does not end a run over thousands
            tqdm.write(f"Left out: {name}, which cannot be read.")
            continue
        found = detect_faces(photo, "embedded")
        if found and source.large and span(found[0], TEMPLATES[template]) < LARGE * TEMPLATES[template].size:
            tqdm.write(f"Left out: {name}, whose face is too small to be a truth.")
        elif found:
            yield place, Image.fromarray(crop_face(photo, found[0].points, template).pixels)
        else:
            tqdm.write(f"Left out: {name}, where no face was found.")
