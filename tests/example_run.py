"""Make the finished run that the page starts with: ``python -m tests.example_run``.

It is what the page itself shows at the end of a run of an example photo, so it is to be made again when models, presets or the
stage's data change.
"""

import argparse
import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

from dpi_core.models.presets import DEFAULT_PRESET, PRESETS
from dpi_core.restore.request import Request
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.restore_run import AUTO, Outcome, run
from dpi_core.web.session import Session
from dpi_core.web.stage_data import EXAMPLE_RUN, Making, decoded
from dpi_core.weights.embedded_files import ASSETS

QUALITY = 75  # JPEG: the page carries this run even where nobody looks at it
PHOTO = ASSETS / "examples" / "astronaut-tiny.png"


def lighter(value: Any) -> Any:
    """Shrink every picture in a stage's value, and leave out the noisy samples, which JPEG cannot shrink."""
    if isinstance(value, dict):
        return {key: lighter(item) for key, item in value.items() if key != "x_t"}
    if isinstance(value, list):
        return [lighter(item) for item in value]
    if isinstance(value, str) and value.startswith("data:image"):
        buffer = BytesIO()
        decoded(value).convert("RGB").save(buffer, "jpeg", quality=QUALITY, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return value


def main(argv: list[str] | None = None) -> None:
    """Run the example and write what the stage shows at its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--preset", default=DEFAULT_PRESET, choices=sorted(PRESETS))  # tau as the page starts with
    parser.add_argument("--out", type=Path, default=EXAMPLE_RUN)
    args = parser.parse_args(argv)
    session = Session()
    making = Making(str(args.photo), Request(PRESETS[args.preset].config, background=AUTO))
    for item in run(Engine(EngineSettings(device="cpu")), session, making):
        last = item
    session.clean()
    if not isinstance(last, Outcome):
        raise SystemExit(last["line"])
    value = {
        **last.stage,
        "made": "",
        "photo": None,  # of the stage's: none is chosen yet
        "line": f"An example: {args.photo.name}, restored. Choose a photo to make your own.",
    }
    args.out.write_text(json.dumps(lighter(value)))
    print(f"{args.out}: {args.out.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
