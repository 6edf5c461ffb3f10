import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from dpi_core import DPIConfig, sample_steps
from dpi_core.imaging.degradation import downscale
from dpi_core.measure.metrics import lr_consistency
from dpi_core.method.resampling import dense_condition
from dpi_core.show.film import MAX_FRAMES, film_picture, frame_of, is_kept, save_gif, save_mp4


@pytest.fixture
def film(analytic_prior):
    low_res = downscale(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1, 4)
    events = list(sample_steps(analytic_prior, dense_condition(low_res, 32, 32), DPIConfig(steps=6, tau=400)))
    frames, before = [], None
    for event in events:
        frames.append(frame_of(event, low_res, before))
        before = event.x0[0]
    return events, low_res, frames


def test_frames_tell_what_their_step_did(film):
    events, low_res, frames = film
    assert [frame.stage for frame in frames] == ["FCM", "FCM", "FCM", "RACM", "RACM", "final"]
    assert frames[0].change == 0
    for event, before, frame in zip(events[1:], events, frames[1:], strict=False):
        assert frame.consistency == pytest.approx(lr_consistency(event.x0[0], low_res))
        rms = float((event.x0[0] - before.x0[0]).square().mean().sqrt()) * 127.5
        assert frame.change == pytest.approx(rms, rel=1e-4)
    assert {frame.x0.size for frame in frames} == {frame.mask.size for frame in frames} == {(32, 32)}


def test_a_film_picture_shows_how_far_the_run_is_in_the_stages_colour(film):
    _, _, frames = film
    widths = []
    for frame in frames:
        row = np.asarray(film_picture(frame))[256 + 7].astype(int)
        coloured = (row.max(axis=1) - row.min(axis=1)) > 100
        widths.append(int(coloured.sum()))
        colour = row[0]
        assert (colour[2] > colour[0]) == (frame.stage == "FCM")  # blue, else orange
    assert widths == sorted(widths)
    assert widths[-1] == np.asarray(film_picture(frames[-1])).shape[1]


def test_a_gif_has_every_frame_and_rests_on_the_last(film, tmp_path):
    _, _, frames = film
    save_gif(frames, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 6
        gif.seek(5)
        assert gif.info["duration"] == 2000
        assert gif.info["loop"] == 0


def test_an_mp4_can_be_read_again(film, tmp_path):
    _, _, frames = film
    try:
        save_mp4(frames, tmp_path / "a.mp4")
    except OSError as error:
        pytest.skip(str(error))
    video = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    read, picture = video.read()
    assert read
    expected = np.asarray(film_picture(frames[0]))[..., ::-1].astype(int)
    assert np.abs(picture[: expected.shape[0], : expected.shape[1]].astype(int) - expected).mean() < 12
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= 6


@pytest.mark.parametrize("total", [1, 20, 64, 65, 250, 1000])
def test_a_film_keeps_both_ends_and_not_too_many(total):
    kept = [i for i in range(total) if is_kept(i, total)]
    assert kept[0] == 0
    assert kept[-1] == total - 1
    assert len(kept) == min(total, MAX_FRAMES)
    gaps = np.diff(kept)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def test_a_film_without_frames_says_so(tmp_path):
    for save in (save_gif, save_mp4):
        with pytest.raises(ValueError, match="run a restoration first"):
            save([], tmp_path / "a")
