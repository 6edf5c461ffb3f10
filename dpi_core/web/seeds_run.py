"""Comparing seeds, from a click to the cards: a plain generator over the pipeline, with errors turned into messages."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_SEED, DPIConfig, check_int
from dpi_core.restore.request import Branch
from dpi_core.restore.variants import Variant, VariantStep, plan_variants, run_variants
from dpi_core.web.checks import READING, chosen_photo, with_messages
from dpi_core.web.engine import Engine
from dpi_core.web.live import render_live, render_message
from dpi_core.web.seeds_view import Card, render_cards, render_comparison
from dpi_core.web.session import Session
from dpi_core.web.single_face import ready_face
from dpi_core.web.trajectory import Source, Trajectory

if TYPE_CHECKING:
    from dpi_core.restore.restorer import Restoration

MIN_SEEDS, MAX_SEEDS = 2, 16
MAX_DRAWN = 2**32 - 1


@dataclass(frozen=True)
class ComparisonOutcome:
    """What the page shows of a finished comparison: cards and figures as HTML, a line on it, and files to download."""

    html: str
    summary: str
    files: list[str]


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds from "3, 8 10-13": numbers and ranges, in the order given.

    Raises:
        ValueError: if something is no number, a seed comes twice, or there are not 2 to 16.
    """
    seeds: list[int] = []
    for part in re.split(r"[,;\s]+", text.strip()):
        match = re.fullmatch(r"(\d+)(?:(?:-|\.\.)(\d+))?", part)
        if match is None:
            raise DPIError(f"seeds holds {part!r}; allowed are whole numbers and ranges, such as 0, 4, 10-13.")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 0 <= last - first < 1000:
            raise DPIError(f"seeds holds {part!r}; a range goes upwards, by at most {MAX_SEEDS} seeds.")
        seeds += range(first, last + 1)
    for seed in seeds:
        check_int("seed", seed, 0, MAX_SEED)
    if len(set(seeds)) < len(seeds):
        raise DPIError(f"seeds is {text!r}; each seed is allowed once.")
    if not MIN_SEEDS <= len(seeds) <= MAX_SEEDS:
        raise DPIError(f"{len(seeds)} seeds are given; allowed are {MIN_SEEDS} to {MAX_SEEDS}.")
    return tuple(seeds)


def redrawn(text: str, kept: list[str]) -> str:
    """The seeds of `text` with all but those in `kept` replaced by new random ones."""
    seeds = parse_seeds(text)
    taken = set(seeds)
    result = []
    for seed in seeds:
        fresh = seed
        while str(seed) not in kept and fresh in taken:
            fresh = random.randint(0, MAX_DRAWN)
        taken.add(fresh)
        result.append(fresh)
    return ", ".join(map(str, result))


def compare_plan(engine: Engine, text: str, values: dict) -> str:
    """What a comparison would cost, as HTML, or what is wrong with it."""
    try:
        seeds, config = parse_seeds(text), DPIConfig.from_dict(values)
    except DPIError as error:
        return render_message(str(error), "error")
    seconds = engine.estimate_plan(plan_variants([Variant(config, seeds, engine.settings.prior)]))
    cost = f", about {max(1, round(seconds))} s on this machine" if seconds is not None else ""
    return f'<p class="dpi-plan">{len(seeds)} seeds of {config.steps} steps each, in one batch{cost}.</p>'


@with_messages()
def run_comparison(
    engine: Engine,
    session: Session,
    photo: str | None,
    mode: str,
    aligned: bool,
    text: str,
    pick: int,
    branch: int,
    values: dict,
) -> Iterator[str | ComparisonOutcome]:
    """Restore the chosen face with every seed: yields the cards after every step (HTML), last the outcome.

    `pick`: mark that many of the most different results; below 2 none. `branch`: let the seeds part after that step of
    the session's last restoration; 0 = each from its own noise.
    """
    from dpi_core.imaging.pixels import to_image

    def say(line: str) -> str:
        return render_live(config, None, headline=line)

    config, seeds, photo = DPIConfig.from_dict(values), parse_seeds(text), chosen_photo(photo)
    yield say(READING)
    faces = yield from ready_face(engine, session, photo, mode, aligned, say)
    ((prior, (_, prepared)),) = faces.items()
    kept = None
    if branch:
        source = Source(photo, mode, aligned, prepared.jobs[0].index, seed=0)
        kept = _kept(session, source, config, branch).kept(prior)
    parted = Branch(branch, kept.variant.seeds[0]) if kept else None
    plan = plan_variants([Variant(config, seeds, prior, parted)], kept)
    for item in run_variants(plan, faces, stop=lambda: session.stopped):
        if not isinstance(item, VariantStep):
            engine.note_result(item)
            yield _outcome(session, item.restoration, pick, Path(photo).stem)
            return
        event = item.step.event
        headline = f"Step {event.index + 1} of {event.total}, t = {event.t}, {item.seconds_left:.1f} s left"
        cards = [Card(seed, to_image(x0)) for seed, x0 in zip(seeds, event.x0, strict=True)]
        yield render_live(config, event.index, headline=headline) + render_cards(cards)


def _kept(session: Session, source: Source, config: DPIConfig, step: int) -> Trajectory:
    """The session's last restoration, if the seeds can part after this step of it."""
    known = session.trajectory
    shared = known.shared(replace(source, seed=known.source.seed), config) if known is not None else 0
    if known is None or step > shared:
        there = f"it shares {shared} steps with them" if shared else "there is none yet"
        raise DPIError(
            f"branch is {step}: the seeds can part after a step of the last restoration of this face with these settings; "
            f"{there}. Restore the face first, or set branch to {shared}."
        )
    return known


def _outcome(session: Session, restoration: "Restoration", pick: int, stem: str) -> ComparisonOutcome:
    from dpi_core.measure.comparison import compare_pictures, most_different
    from dpi_core.show.bundle import write_bundle

    results, settings = restoration.results, restoration.results[0].settings
    seeds = [result.seed for result in results]
    comparison = compare_pictures([result.image for result in results], seeds)
    picked = most_different(comparison.distances, min(pick, len(seeds))) if pick >= 2 else []
    cards = []
    for i, (result, distance) in enumerate(zip(results, comparison.to_mean, strict=True)):
        figures = f"{result.measured['lr_consistency']:.1f} dB to the input, {distance:.1f} levels to the mean"
        if "psnr" in result.measured:
            figures += f", PSNR {result.measured['psnr']:.2f} dB"
        cards.append(Card(result.seed, result.image, figures, i in picked))
    path = session.results_folder("compare") / f"{stem}-{len(seeds)}-seeds.zip"
    write_bundle(path, results, comparison, picked)
    config, steps = DPIConfig.from_dict(settings["config"]), settings["steps_done"]
    how = "Finished" if restoration.complete else f"Stopped after step {steps} of {config.steps}, the estimates kept,"
    headline = " ".join((f"{how} in {restoration.seconds:.1f} s.", *restoration.messages))
    most = f" Most different: {', '.join(str(seeds[i]) for i in picked)}." if picked else ""
    summary = render_message(
        f"Diversity {comparison.diversity:.1f} levels: the standard deviation over {len(seeds)} seeds, the mean over all "
        f"pixels. Distances are root mean squares in 8-bit levels.{most}"
    )
    if "branch" in settings:
        parted = f"The seeds parted after step {settings['branch']['step']} of {config.steps}"
        summary += render_message(f"{parted}: all they differ in came after it.")
    page = render_live(config, steps - 1, headline=headline) + render_comparison(cards, comparison)
    return ComparisonOutcome(page, summary, [str(path)])
