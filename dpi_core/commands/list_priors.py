"""``priors [NAME]``: the priors there are, what of them is on this machine, and their terms; with a name, get that one."""

import argparse
import json
from dataclasses import dataclass

from dpi_core.commands.progress import fetched


@dataclass(frozen=True)
class Row:
    """One prior: its name, where it is from, bytes to download, bytes on this machine, state, crop and terms."""

    name: str
    source: str
    download_bytes: int | None
    local_bytes: int
    state: str
    crop: str | None
    licence: str


def add_priors(commands) -> None:
    """Add the subcommand to argparse's subparsers."""
    p = commands.add_parser("priors", help="list the priors and what of them is on this machine, or get one")
    p.add_argument("name", nargs="?", help="download and convert this one now: a name of the list, or a hub id")
    p.add_argument("--json", action="store_true", help="print one JSON object per prior on stdout")
    p.set_defaults(run=priors)


def priors(args: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    if args.name is not None:
        print(fetched(args.name, quiet=args.json))
        return 0
    from dpi_core.weights.cache import priors_folder

    rows = listing()
    if args.json:
        print("\n".join(json.dumps(vars(row)) for row in rows))
        return 0
    for row in rows:
        size = f"{row.download_bytes / 1e6:.0f} MB" if row.download_bytes else "size as the hub says"
        print(f"{row.name}: {row.state}" + (f", {row.local_bytes / 1e6:.0f} MB here" if row.local_bytes else ""))
        print(f"  from {row.source}, {size}; crop {row.crop or 'by its size'}\n  {row.licence}")
    print(f"cache: {priors_folder()} (DPI_CORE_CACHE)")
    return 0


def listing() -> list[Row]:
    """List every prior of the registry, and what else is cached."""
    from dpi_core.weights.cache import Entry, cached_names
    from dpi_core.weights.embedded_files import EMBEDDED, embedded_file
    from dpi_core.weights.registry import PRIORS, spec_of

    size = embedded_file("prior").stat().st_size
    rows = [Row("embedded", "this project", size, size, "embedded", "tight-128", EMBEDDED["prior"].licence)]
    for name in dict.fromkeys([*PRIORS, *cached_names()]):
        entry, spec = Entry(name), spec_of(name)
        if entry.sound():
            state = "cached"
        elif entry.folder.exists():
            state = "cached but damaged; it is fetched again on use"
        else:
            state = "download under way or broken off" if entry.size() else "not downloaded"
        if spec is None:
            rows.append(Row(name, "a file on this machine", None, entry.size(), state, None, "as where it came from"))
        else:
            revision = f"@{spec.revision[:8]}" if spec.revision else ""
            rows.append(Row(name, spec.repo + revision, spec.size, entry.size(), state, spec.template, spec.licence))
    return rows
