"""What is known of a prior before it is loaded or even downloaded: from its name, its folder or its cached copy."""

from pathlib import Path
from typing import NamedTuple

from dpi_core.weights.cache import Entry
from dpi_core.weights.embedded_files import ASSETS
from dpi_core.weights.layout import TIGHT, WIDE, read_layout
from dpi_core.weights.registry import PRIORS, spec_of


class Known(NamedTuple):
    """Pixels a side, and the name of the crop (`dpi_core.faces.templates`)."""

    image_size: int
    template: str


UNKNOWN = Known(256, WIDE)


def known_of(name: str) -> Known:
    """Tell a prior's size and crop as it will load, without loading it; those of a large prior where nothing tells."""
    spec = spec_of(name)
    if name in PRIORS and spec is not None and spec.image_size and spec.template:
        return Known(spec.image_size, spec.template)
    path = Path(name).expanduser()
    folder = ASSETS / "prior" if name == "embedded" else path if spec is None or path.is_dir() else Entry(name).folder
    try:
        found = read_layout(folder).description
        size = int(found["image_size"])
        return Known(size, str(found.get("template") or (WIDE if size >= 256 else TIGHT)))
    except (OSError, ValueError, KeyError, TypeError):
        return UNKNOWN


def must_be_fetched(name: str) -> bool:
    """Tell whether loading a prior of this name would ask another machine: the hub, or one on a Windows network."""
    if name.startswith(("//", "\\\\")):
        return True
    if spec_of(name) is None or (name not in PRIORS and Path(name).expanduser().exists()):
        return False
    return not Entry(name).sound()
