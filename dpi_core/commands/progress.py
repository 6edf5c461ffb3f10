"""What a person waits for, a prior to arrive or a run to end: a bar moves on stderr, where that is a terminal."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpi_core.restore.records import Preparation, Restoration, RestoreStep
    from dpi_core.restore.request import Request
    from dpi_core.restore.restorer import Restorer


def restored(
    restorer: "Restorer",
    prepared: "Preparation",
    request: "Request",
    name: str,
    *,
    quiet: bool = False,
    watch: "Callable[[RestoreStep], None] | None" = None,
) -> "Restoration":
    """Restore a prepared photo with a bar called `name`, none if `quiet`; `watch` is shown every step."""
    from tqdm import tqdm

    from dpi_core.restore.records import Restoration

    total = request.config.steps * len(prepared.jobs)
    with tqdm(total=total, desc=name, unit="step", disable=True if quiet else None) as bar:
        for item in restorer.run_steps(prepared, request):
            if isinstance(item, Restoration):
                return item
            if watch is not None:
                watch(item)
            bar.set_postfix_str(item.event.stage)
            bar.update()
    raise AssertionError("run_steps ends with a Restoration")


def fetched(prior: str, *, quiet: bool = False) -> Path:
    """Make a prior available with a bar of its bytes, none if `quiet`; returns its folder."""
    from tqdm import tqdm

    from dpi_core.weights.obtain import prior_folder_steps

    bar: tqdm | None = None
    try:
        for item in prior_folder_steps(prior):
            if isinstance(item, Path):
                return item
            if bar is None:
                bar = tqdm(unit="B", unit_scale=True, disable=True if quiet else None)
            bar.set_description_str(item.what, refresh=False)
            bar.total, bar.n = item.total, item.done
            bar.refresh()
    finally:
        if bar is not None:
            bar.close()
    raise AssertionError("prior_folder_steps ends with a folder")
