import base64

import av
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


def test_an_mp4_is_h264_as_browsers_play_it(film, tmp_path):
    _, _, frames = film
    save_mp4(frames, tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as read:
        stream = read.streams.video[0]
        shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in read.decode(stream)]
        duration = float(stream.duration * stream.time_base)
    assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert len(shown) == len(frames) + 11
    assert duration == pytest.approx(len(shown) * 0.18, rel=0.01)
    for frame, picture in zip(frames, shown, strict=False):
        expected = np.asarray(film_picture(frame)).astype(int)
        assert (picture.shape[0] % 2, picture.shape[1] % 2) == (0, 0)
        # The noise of this film has more colour than yuv420p holds.
        assert np.abs(picture[: expected.shape[0], : expected.shape[1]] - expected).mean() < 12
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "a browser starts before it has the whole file"


@pytest.mark.browser
def test_a_browser_plays_the_mp4(film, tmp_path, browser):
    save_mp4(film[2], tmp_path / "a.mp4")
    page = browser.new_page()
    if not page.evaluate("document.createElement('video').canPlayType('video/mp4; codecs=avc1.42E01E')"):
        pytest.skip("this Chromium was built without H.264")
    source = "data:video/mp4;base64," + base64.b64encode((tmp_path / "a.mp4").read_bytes()).decode()
    size = page.evaluate(
        """source => new Promise((resolve, reject) => {
            const video = document.createElement("video");
            video.onloadeddata = () => resolve([video.videoWidth, video.videoHeight]);
            video.onerror = () => reject(video.error.message);
            video.src = source;
        })""",
        source,
    )
    assert tuple(size) == film_picture(film[2][0]).size
    page.close()


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
