"""What a view of one face runs on: the models of each of its priors, and the face ready to be restored with them."""

from collections.abc import Callable, Generator, Iterable
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from dpi_core.errors import DPIError
from dpi_core.web.checks import READING, chosen_photo
from dpi_core.web.engine import Engine
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making

if TYPE_CHECKING:
    from dpi_core.restore.records import Preparation
    from dpi_core.restore.restorer import Restorer


def ready_face(
    engine: Engine,
    session: Session,
    making: Making,
    show: Callable[[str, str], dict[str, Any]],
    priors: Iterable[str] = (),
) -> "Generator[dict[str, Any], None, dict[str, tuple[Restorer, Preparation]]]":
    """Load the `priors` (the request's own) and cut out the face that is asked for, one alone, for each.

    Yields ``show(state, line)`` for what there is to tell meanwhile, and returns what `run_variants` takes; once stopped,
    without the priors that are still to come.

    Raises:
        DPIError: if there is no photo or face, or a prior cannot be loaded, called A, B .. where there are several; and as
            `Restorer.prepare`.
    """
    photo = chosen_photo(making.photo)
    yield show("reading", READING)
    names = list(dict.fromkeys(priors)) or [making.request.prior]
    known = session.faces if session.photo == photo else None
    if known == [] and not making.request.aligned:
        raise DPIError(session.note)  # as it is said beside the photo
    ready: dict[str, tuple[Restorer, Preparation]] = {}
    for name, prior in zip(ascii_uppercase, names, strict=False):
        if ready and session.stopped:
            break
        if len(names) > 1 and not engine.holds(prior):
            yield show("loading", f"Loading {name}'s prior {prior}; the first time it may have to be downloaded ..")
        try:
            for line in engine.loading(prior, lambda: session.stopped):
                yield show("loading", line)
            restorer = engine.restorer(prior)
        except DPIError as error:
            if session.stopped or len(names) == 1:
                raise
            raise DPIError(f"{name}'s prior {prior} cannot be loaded: {error}") from error
        request = making.request.replaced({"prior": prior})
        ready[prior] = restorer, restorer.prepared(photo, request, faces=known)
    return ready
