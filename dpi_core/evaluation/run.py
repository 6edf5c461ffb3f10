"""Run a plan: ``python -m dpi_core.evaluation.run CONFIG.yaml [--engine local|ray] [--workers N] [--out DIR]``.

Images x degradations x methods x settings, as the YAML file says (``docs/evaluation.md``; a name such as ``examples`` means one
of those in ``dpi_core/evaluation/configs``). Each result is kept with its figures, in ``DIR/results.sqlite`` and
``DIR/results``; a run that was cut off goes on where it was, and one whose plan was changed does what is new. At the end
``DIR/report.html``, ``figures.json`` and ``tables.md`` tell what came out.
"""

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dpi_core.commands.console import in_a_sentence
from dpi_core.errors import DPIError
from dpi_core.evaluation.experiment.face_folder import faces_of
from dpi_core.evaluation.experiment.html_report import SHOWN, Report, html_report
from dpi_core.evaluation.experiment.plan import Plan, read_plan
from dpi_core.evaluation.experiment.results import Results
from dpi_core.evaluation.experiment.run_tables import SetJudge, Table, tables_of
from dpi_core.evaluation.experiment.units import Worker, loaded_models, loaded_network, of_faces, units_of
from dpi_core.evaluation.held_out import degraded_task
from dpi_core.evaluation.report import by_group, by_method, less, markdown
from dpi_core.measure.identity import UnavailableError
from dpi_core.measure.metric_registry import METRICS, NETWORKS
from dpi_core.workers import ENGINES, Died, carried_out, check_workers

CONFIGS = Path(__file__).parent / "configs"
TIGHT = "tight-128"


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    """Run a plan and report it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml")
    parser.add_argument("--out", type=Path, help="folder of the results (default runs/NAME of the config)")
    parser.add_argument("--faces", metavar="FOLDER", help="in the place of the folder that the config names")
    parser.add_argument("--prior", help="in the place of the one that the config names")
    parser.add_argument("--engine", default="local", choices=ENGINES)
    parser.add_argument(
        "--workers", type=int, default=1, help="processes of this machine, or actors of Ray (default 1)"
    )
    args = parser.parse_args(argv)
    path = config_path(args.config)
    check_workers(args.engine, args.workers)
    plan = read_plan(path)
    if args.faces:
        plan = replace(plan, faces=replace(plan.faces, folder=args.faces))
    if args.prior:
        plan = replace(plan, prior=args.prior)
    run(plan, path.read_text("utf-8"), args.out or Path("runs", path.stem), args.engine, args.workers)


def config_path(named: Path) -> Path:
    """Return the file that a command line names: its own, or the one of that name in `CONFIGS`."""
    own = CONFIGS / f"{named.name.removesuffix('.yaml')}.yaml"
    return own if not named.exists() and named.parent == Path() and own.exists() else named


def run(plan: Plan, written: str, out: Path, engine: str = "local", workers: int = 1) -> list[Table]:
    """Do what of a plan is not there yet in `out`, write the report of all of it and return its tables.

    Raises:
        ValueError: for faces, models or an engine that cannot be had, or if a worker ended over its unit.
    """
    named = (plan.prior, plan.corrector, plan.device)
    models = loaded_models(*named)
    template, size = models.prior.template, models.prior.image_size
    faces, real = faces_of(plan, template, size, out / "kept")
    networks, missing = _networks(plan, template)
    alone = tuple(name for name in networks if name in ("people", "perceptual"))
    metrics = of_faces(plan.metrics, alone)
    load = partial(Worker, named, alone, metrics)
    made_with = {way: f"{models.digest(way)} {metrics}" for way in plan.methods.values()}
    units = list(units_of(plan, faces, made_with.__getitem__))
    results = Results(out)
    todo = results.missing(units)
    total = sum(unit.rows for unit in units)
    there = total - sum(unit.rows for unit in todo)
    print(f"{len(faces.names)} faces; {there} of {total} results are there already.", flush=True)
    died: list[Died] = []
    with tqdm(total=total, initial=there, unit="result", desc=plan.title) as bar:
        for unit, done in carried_out(todo, load, workers, engine, plan.device):
            if isinstance(done, Died):
                died.append(done)
                continue
            results.add(unit, done)
            bar.update(unit.rows)
            bar.set_postfix_str(f"{unit.degradation}, {unit.method}")
    if died:
        raise DPIError(f"{len(died)} of {len(todo)} units were not done: {died[0].reason} Run it again to go on.")
    judge = SetJudge({n: f for n, f in networks.items() if n not in alone}, real, out / "kept", plan.metrics)
    tables = tables_of(plan, faces, results.of(units), judge)
    results.close()
    facts = (
        f"{len(faces.names)} faces from {plan.faces.folder}, {'held out of training, ' if plan.faces.held_out else ''}"
        f"{'aligned already' if plan.faces.aligned else 'found and aligned by the embedded detector'}",
        f"Prior {plan.prior} ({size} pixels, crop {template}), corrector {plan.corrector}; weights {models.digest()}",
        f"{plan.seeds} seeds of {'every face' if plan.diverse >= len(faces.names) else f'the first {plan.diverse} faces'}; "
        f"distances between sets are to other real faces, of which there are {len(real)}",
        "Means with 95 % bootstrap intervals over the faces, of each face's first seed; the best figure is in bold",
    )
    inputs = {
        name: degraded_task(name, faces.pixels[:SHOWN], damage).low_res for name, damage in plan.degradations.items()
    }
    report = Report(plan, written, tables, faces, inputs, facts, missing)
    (out / "report.html").write_text(html_report(report), "utf-8")
    (out / "tables.md").write_text(as_markdown(tables), "utf-8")
    (out / "figures.json").write_text(json.dumps(as_data(tables), indent=1) + "\n")
    print(f"\n{as_markdown(tables)}\n{out / 'report.html'}")
    return tables


def _networks(plan: Plan, template: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Load the networks that the metrics need; return them, and of each metric that cannot be had why."""
    found: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    needed = {need for name in plan.metrics for need in METRICS[name].needs}
    needed |= {"inception"} if "logits" in needed else set()
    for name in (name for name in NETWORKS if name in needed):
        if name == "people" and template != TIGHT:
            reasons[name] = f"dlib's points are known for the crop {TIGHT} alone, and this prior's is {template}"
            continue
        try:
            found[name] = loaded_network(name)
        except UnavailableError as error:
            reasons[name] = str(error)
    if "inception" in reasons:
        reasons["logits"] = reasons["inception"]
    missing = {
        METRICS[name].title: reasons[need] for name in plan.metrics for need in METRICS[name].needs if need in reasons
    }
    return found, missing


def as_markdown(tables: list[Table]) -> str:
    """Write the tables, the differences face by face, and the figures by groups of faces, as Markdown."""
    parts = []
    for table in tables:
        against = f"{table.degradation}: less {table.against}, face by face"
        parts.append(by_method(f"{table.degradation}, {table.faces} faces", table.rows, table.metrics, table.calls))
        parts.append(less(against, table.less))
        for where, groups, sign in ((table.degradation, table.groups, ""), (against, table.less_groups, "+")):
            parts += [by_group(f"{where}: {METRICS[name].title}", found, name, sign) for name, found in groups.items()]
    return "\n\n".join(markdown(*cells) for cells in parts) + "\n"


def as_data(tables: list[Table]) -> dict[str, Any]:
    """Return the tables as what JSON holds."""
    return {
        table.degradation: {
            "methods": table.rows,
            f"less {table.against}": table.less,
            "groups": table.groups,
            f"groups, less {table.against}": table.less_groups,
            "calls": table.calls,
        }
        for table in tables
    }


if __name__ == "__main__":
    main()
