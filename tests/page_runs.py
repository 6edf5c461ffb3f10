"""Restorations as the page runs them, without the page."""

import zipfile
from io import BytesIO

from dpi_core.imaging.pictures import read_settings
from dpi_core.restore.request import Request
from dpi_core.web.restore_run import MODES, Outcome, run
from dpi_core.web.stage_data import Making, decoded

FAST = {"steps": 4, "tau": 400}


def making(photo, mode="The photo as it is", aligned=False, chosen=(0,), background=1, seed=0, values=FAST):
    asked = {"config": values, "seeds": [seed], "scale": MODES[mode], "aligned": aligned, "background": background}
    return Making(str(photo) if photo else None, Request().replaced({**asked, "face": chosen or "all"}))


def drain(engine, session, photo, **options):
    return list(run(engine, session, making(photo, **options)))


def result_of(outcome, face=0):
    """The bytes of a restored face as the page is given it."""
    return decoded(outcome.stage["pieces"][face]["pictures"]["result"]).tobytes()


def faces_in(outcome):
    """The settings of the faces in a run's ZIP, and the photo's file beside them."""
    with zipfile.ZipFile(outcome.bundle) as archive:
        names = [name for name in archive.namelist() if "-face" in name]
        return [read_settings(BytesIO(archive.read(name))) for name in names]


def at_step(item, number):
    return not isinstance(item, Outcome) and item["state"] == "running" and item["frame"]["index"] + 1 == number
