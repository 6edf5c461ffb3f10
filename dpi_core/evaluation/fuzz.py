"""``python -m dpi_core.evaluation.fuzz --inputs 10000``: what becomes of damaged, absurd and hostile inputs.

An equal share goes to each of pictures, settings files, calls of the endpoints and names of files. Every input must be taken or
refused in a sentence; all else, any other exception or an answer that takes too long, is unexpected and printed, with the
seed that makes it again. No model runs: a call ends where the models would begin.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from dpi_core.commands.console import in_a_sentence
from dpi_core.errors import DPIError
from dpi_core.weights.embedded_files import ASSETS

SLOW = 20.0  # seconds for one input
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000")
REACHED = "the models would begin here"
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2, 1.5, 1e308, -0.0, 2**63, 10**40, float("nan"), float("inf")),
    *("", "0", "all", "embedded", "../..", "/etc/hostname", "http://127.0.0.1/", "\0", "ü" * 300, "💥", "\ud800"),
    *([], {}, [None], [0, 0], [[[]]], {"": {}}, {"path": "/etc/hostname"}, {"config": {}}, {"step": 1, "seed": 0}),
    {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}},
    {"url": "http://127.0.0.1/", "path": None},
    {"url": "data:image/png;base64,AAAA"},
)
CHARACTERS = "ab .-_~%$'\"\\:*?<>|\n\r\t\x01\x7fäß漢字💥\u202e\u0301"


class Outcome(NamedTuple):
    """What became of an input, "taken", "refused" or "unexpected", and what was said of it."""

    kind: str
    said: str = ""


def outcome_of(work: Callable[[], Any]) -> Outcome:
    """Carry something out, and tell what became of it."""
    begun = time.monotonic()
    try:
        work()
        outcome = Outcome("taken")
    except DPIError as error:
        outcome = Outcome("refused", str(error))
    except Exception as error:
        outcome = Outcome("unexpected", f"{type(error).__name__}: {error}"[:300])
    took = time.monotonic() - begun
    return outcome if took < SLOW else Outcome("unexpected", f"took {took:.0f} s")


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Change some bytes: others in their place, cut off, cut out, doubled, zeroed or moved."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        if not changed:
            break
        start = rng.randrange(min(len(changed), rng.choice((64, 1 << 20))))
        length = rng.choice((1, 1, 4, 64, 1000))
        part = bytes(changed[start : start + length])
        changed[start : start + length] = rng.choice(
            (rng.randbytes(len(part)), b"", part * 2, bytes(len(part)), b"\xff" * len(part), part[::-1])
        )
        if rng.random() < 0.1:
            del changed[rng.randrange(len(changed) + 1) :]
    return bytes(changed)


def altered(value: Any, rng: random.Random) -> Any:
    """Replace something, however deep it lies, by something odd, or take it out."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: item for name, item in value.items() if name != key}
        return {**value, rng.choice((key, key, key, "x")): altered(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [*value[:place], altered(value[place], rng), *value[place + 1 :]]
    return rng.choice(ODD)


class Fuzzer:
    """Makes inputs from a seed and tries them; `folder` is for files."""

    def __init__(self, folder: Path):
        from PIL import Image

        from dpi_core.imaging.pictures import save_png
        from dpi_core.restore.request import SETTINGS_FILE, Branch, Request

        self.folder = folder
        self.pictures = [encoded(Image.effect_noise((48, 40), 60).convert("RGB"), name) for name in FORMATS]
        self.settings = Request(seeds=(1, 2), branch=Branch(3, 1)).to_dict()
        save_png(Image.new("RGB", (8, 8)), folder / "settings.png", self.settings)
        with zipfile.ZipFile(folder / "settings.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(SETTINGS_FILE, json.dumps(self.settings))
        self.files = [path.read_bytes() for path in (folder / "settings.png", folder / "settings.zip")]
        self.page = page_without_models()
        self.loop = asyncio.new_event_loop()

    def picture(self, rng: random.Random) -> Outcome:
        """Read a damaged picture."""
        from dpi_core.imaging.pictures import open_picture

        data = mutated(rng.choice(self.pictures), rng)
        return outcome_of(lambda: open_picture(data))

    def settings_file(self, rng: random.Random) -> Outcome:
        """Read a damaged or absurd settings file."""
        from dpi_core.restore.request import read_request

        place = rng.randrange(3)
        path = self.folder / f"theirs{('.png', '.zip', '.json')[place]}"
        if place < 2:
            path.write_bytes(mutated(self.files[place], rng))
        else:
            text = json.dumps(altered(self.settings, rng)).encode()
            path.write_bytes(mutated(text, rng) if rng.random() < 0.3 else text)
        return outcome_of(lambda: read_request(path))

    def call(self, rng: random.Random) -> Outcome:
        """Call an endpoint with absurd arguments."""
        import gradio as gr

        from dpi_core.web.checks import UNEXPECTED

        picture = {"path": str(ASSETS / "examples" / "astronaut-tiny.png"), "meta": {"_type": "gradio.FileData"}}
        event, usual = rng.choice(
            (
                ("restore", [picture, {"steps": 2, "tau": 100}, 0, None, None, False]),
                ("compare_seeds", [picture, {"steps": 2}, [0, 1], None, None, False]),
                ("detect_faces", [picture, "embedded"]),
            )
        )
        (block_fn,) = (fn for fn in self.page.fns.values() if fn.api_name == event)
        data = usual
        for _ in range(rng.choice((1, 1, 2, 4))):
            changed = altered(data, rng)
            data = changed if isinstance(changed, list) else data

        def work() -> None:
            try:
                self.loop.run_until_complete(self.page.process_api(block_fn, data))
            except gr.Error as error:
                if error.message == UNEXPECTED:
                    raise RuntimeError(f"{UNEXPECTED} {event} {data!r}") from error
                if error.message != REACHED:
                    raise DPIError(error.message) from error

        return outcome_of(work)

    def name(self, rng: random.Random) -> Outcome:
        """Restore nothing from a file of an absurd name, and put an empty result where its results would go."""
        from dpi_core.commands.outputs import Outputs, written_whole
        from dpi_core.web.uploads import may_be_opened

        name = "".join(rng.choice(CHARACTERS) for _ in range(rng.choice((1, 3, 20, 60, 120)))) + rng.choice(
            ("", ".png", ".")
        )
        climbing = rng.choice(("", "../", "..\\", "/", "//", "~/", "file:", "C:")) + name
        if may_be_opened({"path": climbing}):
            return Outcome("unexpected", f"may be opened: {climbing!r}")
        photo, out = self.folder / "in" / name, self.folder / "out"
        try:
            for folder in (photo.parent, out):
                folder.mkdir(exist_ok=True)
            photo.write_bytes(b"")
        except (OSError, ValueError):
            return Outcome("refused", "by the file system")

        def work() -> None:
            job = Outputs(out, {}).job(photo)
            with written_whole(out, job.name) as folder:
                (folder / f"{job.name}-photo-seed{2**63 - 1}.png").write_bytes(b"")
            (written,) = out.iterdir()
            written.unlink()  # raises if it lies elsewhere, or if there is more than one

        outcome = outcome_of(work)
        photo.unlink()
        return outcome


def encoded(picture: Any, name: str) -> bytes:
    """Encode a picture in a format."""
    data = BytesIO()
    picture.save(data, name)
    return data.getvalue()


def page_without_models() -> Any:
    """Build the page over an engine that ends a run where it would load a model."""
    from dpi_core.web.engine import Engine
    from dpi_core.web.page import build_page

    class NoModels(Engine):
        def restorer(self, prior: str | None = None) -> Any:
            raise DPIError(REACHED)

    return build_page(NoModels())


def fuzz(inputs: int, seed: int = 0, tell: Callable[[str], None] = print) -> dict[str, Counter]:
    """Try so many inputs, the same share of each kind; returns kind -> how often each outcome came."""
    counted: dict[str, Counter] = {}
    with tempfile.TemporaryDirectory(prefix="dpi-fuzz-") as folder:
        fuzzer = Fuzzer(Path(folder))
        kinds = {
            "pictures": fuzzer.picture,
            "settings files": fuzzer.settings_file,
            "calls": fuzzer.call,
            "names of files": fuzzer.name,
        }
        for number in range(inputs):
            kind = list(kinds)[number % len(kinds)]
            outcome = kinds[kind](random.Random(f"{seed}-{number}"))
            counted.setdefault(kind, Counter())[outcome.kind] += 1
            if outcome.kind == "unexpected":
                tell(f"{kind}, input {number}: {outcome.said}")
        fuzzer.loop.close()
    return counted


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    """Run and print; exit code 1 if anything was unexpected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    counted = fuzz(args.inputs, args.seed)
    print(json.dumps(counted, indent=1))
    sys.exit(1 if any(outcomes["unexpected"] for outcomes in counted.values()) else 0)


if __name__ == "__main__":
    main()
