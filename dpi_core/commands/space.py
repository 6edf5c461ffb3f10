"""``space check`` and ``space push OWNER/NAME``: the Hugging Face Space of this project."""

import argparse
from pathlib import Path

from dpi_core.commands.console import EXIT_ERROR, complain

ROOT = Path(__file__).resolve().parents[2]


def add_space(commands) -> None:
    """Add the subcommand to argparse's subparsers."""
    p = commands.add_parser(
        "space",
        help="check the Hugging Face Space and upload it",
        description="The Spacefile describes the Space; README.md's front matter and requirements.txt must agree with it.",
    )
    actions = p.add_subparsers(required=True, metavar="ACTION")
    one = actions.add_parser("check", help="say what does not agree with the Spacefile")
    one.add_argument("--fix", action="store_true", help="write README.md's front matter first")
    one.set_defaults(run=check)
    two = actions.add_parser("push", help="print what would go up; with --yes upload it")
    two.add_argument("name", metavar="OWNER/NAME")
    two.add_argument("--yes", action="store_true", help="upload; without it nothing is written or sent")
    two.add_argument("--private", action="store_true", help="if the Space is created, make it private")
    two.set_defaults(run=push)
    for action in (one, two):
        action.add_argument("--root", type=Path, default=ROOT, help="the project's folder (default: this one)")


def check(args: argparse.Namespace) -> int:
    """Print one line for each problem; 0 if there is none."""
    from dpi_core.space.check import problems
    from dpi_core.space.front_matter import written
    from dpi_core.space.spacefile import read_spacefile

    if args.fix:
        spacefile, readme = read_spacefile(args.root), args.root / "README.md"
        readme.write_text(written(readme.read_text(encoding="utf-8"), spacefile), encoding="utf-8")
    found = problems(args.root)
    for problem in found:
        complain(problem)
    if not found:
        print("The Spacefile, README.md and requirements.txt agree.")
    return EXIT_ERROR if found else 0


def push(args: argparse.Namespace) -> int:
    """Print what goes up, and with --yes upload it; 0 if all is well."""
    from dpi_core.space.check import problems
    from dpi_core.space.push import checked_name, uploads
    from dpi_core.space.push import push as upload
    from dpi_core.space.spacefile import read_spacefile

    name, spacefile = checked_name(args.name), read_spacefile(args.root)
    blocking = problems(args.root, front_matter=False)
    for problem in blocking:
        complain(problem)
    if blocking:
        return EXIT_ERROR
    files = uploads(args.root, spacefile)
    for file in files:
        print(f"{size_text(file.size):>9}  {'LFS' if file.large else '   '}  {file.path}")
    large = [file for file in files if file.large]
    total = f"{len(files)} files, {size_text(sum(file.size for file in files))}"
    print(f"{total}; of these probably {len(large)} in LFS, {size_text(sum(file.size for file in large))}.")
    if not args.yes:
        print(f"Nothing was sent. With --yes this becomes the Space {name}.")
        return 0
    print(f"Uploaded: {upload(args.root, spacefile, name, private=args.private)}")
    print(f"The Spacefile suggests the hardware {spacefile.hardware}; it is chosen in the Space's settings.")
    return 0


def size_text(size: int) -> str:
    """Write a number of bytes for people: 512 B, 1.5 KB, 20.3 MB."""
    for unit, factor in (("MB", 1e6), ("KB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"
