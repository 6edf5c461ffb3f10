"""A run that a person waits for: every step moves a bar on stderr, where that is a terminal."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpi_core.commands.options import Run
    from dpi_core.pipeline import Restorer
    from dpi_core.restoration import Preparation, Restoration, RestoreStep


def restored(
    restorer: "Restorer",
    prepared: "Preparation",
    run: "Run",
    name: str,
    *,
    background: int = 1,
    quiet: bool = False,
    watch: "Callable[[RestoreStep], None] | None" = None,
) -> "Restoration":
    """Restore a prepared photo with a bar called `name`, none if `quiet`; `watch` is shown every step.

    Raises:
        ValueError: as `Restorer.restore_steps`.
    """
    from tqdm import tqdm

    from dpi_core.restoration import Restoration

    total = run.config.steps * len(prepared.jobs)
    with tqdm(total=total, desc=name, unit="step", disable=True if quiet else None) as bar:
        for item in restorer.restore_steps(prepared, run.config, seeds=run.seeds, background=background):
            if isinstance(item, Restoration):
                return item
            if watch is not None:
                watch(item)
            bar.set_postfix_str(item.event.stage)
            bar.update()
    raise AssertionError("restore_steps ends with a Restoration")
