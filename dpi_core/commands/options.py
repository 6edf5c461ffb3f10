"""The options of a run, and what they add up to: saved settings or a preset first, what the command line names over it.

That is why these options have no defaults of their own: None means "not given". Nothing heavy is loaded here, so a wrong
option is named at once.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.baselines import NAMES as METHODS
from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_SEED, SETTINGS, DPIConfig, check_int, kind_of
from dpi_core.models.presets import AUTOMATIC, DEFAULT_PRESET, NAMES, find_preset
from dpi_core.restore.request import Request, read_request

if TYPE_CHECKING:
    from dpi_core.restore.records import Preparation
    from dpi_core.restore.restorer import Restorer

OVER = ("scale", "aligned", "face", "prior", "corrector", "detector", "include_sharp", "background", "method", "octave")
AS_IT_IS = "none"


@dataclass(frozen=True)
class SeedCount:
    """How many results a command makes of a face: `fewest` to `most`, and the `usual` number where none is given."""

    fewest: int
    most: int
    usual: int


def add_run_options(parser: argparse.ArgumentParser, seeds: SeedCount) -> None:
    """Add the options that `request_from` reads, and those on how it is carried out (`restorer_from`)."""
    on_off = argparse.BooleanOptionalAction
    p = parser.add_argument_group("settings to start from")
    p.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="a PNG, settings.json or ZIP saved by this program: its settings, seeds, scale, face and models; options "
        "given beside it win",
    )
    p.add_argument(
        "--preset",
        choices=(AUTOMATIC, *NAMES),
        help="settings by name, those for the prior's size; auto: by what the face holds and what damaged it (default: those "
        f"of --settings, or {AUTOMATIC} to restore and {DEFAULT_PRESET} to compare)",
    )
    p = parser.add_argument_group("settings, each over the preset's or the file's")
    for name, setting in SETTINGS.items():
        if setting.low is None:
            p.add_argument(option(name), action=on_off, help=setting.help)
        else:
            allowed = f"{setting.low:g} to {setting.high:g}"
            p.add_argument(option(name), type=kind_of(name), help=f"{setting.label}, {allowed}. {setting.help}")
    p = parser.add_argument_group("seeds, face and models")
    p.add_argument("--method", choices=METHODS, help="dpi (default), or another over the same prior, to compare with")
    p.add_argument("--seed", type=int, help="the (first) seed (default: the file's, or 0)")
    p.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help=f"N results, {seeds.fewest} to {seeds.most}, from seeds SEED .. SEED + N - 1 (default: those of the file, "
        f"or {seeds.usual})",
    )
    p.add_argument(
        "--scale",
        type=scale_of,
        help=f"4, 8 or 16: reduce the face first, a simulation with figures; {AS_IT_IS}: take it as it is",
    )
    p.add_argument("--aligned", action=on_off, help="the inputs are aligned face crops, whatever is on them")
    p.add_argument(
        "--octave",
        action=on_off,
        help="draw faces that are large in the photo at 256 pixels, with the embedded prior (default: yes)",
    )
    p.add_argument("--detector", help="auto, face-alignment, yunet or embedded (default: the file's, or auto)")
    p.add_argument("--prior", help="embedded, ffhq-256, celebahq-256, a folder, a checkpoint or a hub id")
    p.add_argument("--corrector", help="embedded, or a folder")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    p.add_argument("--precision", default="auto", help="auto, float32 or bfloat16: what the networks compute in")
    p.add_argument("--fast", action="store_true", help="compile the networks: a slow first run, then faster ones")


def restorer_from(args: argparse.Namespace, request: Request) -> "Restorer":
    """Load the models of `request` as --device, --precision and --fast say; DPIError if one of them cannot be used."""
    from dpi_core.restore.restorer import Restorer

    return Restorer(request.prior, args.device, corrector=request.corrector, precision=args.precision, fast=args.fast)


def option(name: str) -> str:
    """Name the command-line option of a field."""
    return f"--{name.replace('_', '-')}"


def scale_of(text: str) -> int | str:
    """Read what --scale says: a number, or `AS_IT_IS`, which is not the same as saying nothing where a file names a scale."""
    if text != AS_IT_IS and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not 4, 8, 16 or {AS_IT_IS}")
    return text if text == AS_IT_IS else int(text)


def request_from(args: argparse.Namespace, seeds: SeedCount) -> Request:
    """Make the request that a command line with the options of `add_run_options` and those of the subcommand asks for."""
    saved = None if args.settings is None else read_request(args.settings)
    start = saved or Request(find_preset(DEFAULT_PRESET, args.prior or "embedded").config)
    given = {name: value for name, value in vars(args).items() if name in OVER and value is not None}
    if "scale" in given:
        given["scale"] = None if args.scale == AS_IT_IS else args.scale
    if "face" in given:
        given["face"] = face_from(args.face)
    config = config_from(args, start.config, args.prior or start.prior)
    return start.replaced({**given, "config": config, "seeds": seeds_from(args.seed, args.seeds, saved, seeds)})


def config_from(args: argparse.Namespace, start: DPIConfig, prior: str = "embedded") -> DPIConfig:
    """Put the options over `start`, or over the preset for `prior` where one is named."""
    base = start if args.preset in (None, AUTOMATIC) else find_preset(args.preset, prior).config
    return base.replaced(asked_over(args))


def asked_over(args: argparse.Namespace) -> dict[str, float]:
    """Return the settings that options name, by field."""
    return {name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None}


def settled(args: argparse.Namespace, request: Request, prepared: "Preparation", usual: str) -> tuple[Request, str]:
    """Choose the settings by the face, where the command line or the command's `usual` preset asks for it.

    Returns the request and a line on what was chosen. Options given still win.
    """
    named = args.preset or (usual if args.settings is None else "")
    if named != AUTOMATIC:
        return request, ""
    from dpi_core.restore.automatic import automatic

    choice, over = automatic(prepared), asked_over(args)
    config = config_from(args, choice.config, request.prior)
    said = {
        name: f"{value:g}" if kind_of(name) is not bool else "on" if value else "off" for name, value in over.items()
    }
    asked = ", ".join(f"{SETTINGS[name].symbol} {value}" for name, value in said.items())
    return replace(request, config=config), choice._replace(config=config, asked=asked).line


def seeds_from(first: int | None, number: int | None, saved: Request | None, allowed: SeedCount) -> tuple[int, ...]:
    """Choose the seeds: those of --seed and --seeds over those of a settings file.

    A file's seeds are taken as they are unless an option is given; then they count up from SEED. A file of too few seeds,
    such as one result's for a comparison, only says where to start.

    Raises:
        ValueError: on too many, too few or impossible seeds.
    """
    known = () if saved is None else saved.seeds
    if len(known) < allowed.fewest and number is None:
        number = allowed.usual
    if first is None and number is None:
        seeds = known
    else:
        number = len(known) if number is None else number
        _check_number(number, allowed)  # before a range of a billion is written out
        start = first if first is not None else known[0] if known else 0
        seeds = tuple(range(start, start + number))
    _check_number(len(seeds), allowed)
    for seed in seeds:
        check_int("seed", seed, 0, MAX_SEED)
    return seeds


def _check_number(number: int, allowed: SeedCount) -> None:
    if not allowed.fewest <= number <= allowed.most:
        raise DPIError(f"seeds is {number}; allowed is {allowed.fewest} to {allowed.most}.")


def face_from(text: str) -> int | str | tuple[int, ...]:
    """Read what --face says: an index, several of them or "all"; DPIError on anything else."""
    if text == "all":
        return text
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isdecimal() for number in numbers):
        raise DPIError(f"face is {text!r}; allowed is an index (0 = the largest), several with commas between, or all.")
    return int(numbers[0]) if len(numbers) == 1 else tuple(int(number) for number in numbers)
