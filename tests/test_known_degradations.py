"""Every degradation that has a name: seeded, of the size it says, and what its parameters say."""

import numpy as np
import pytest
from PIL import Image

from dpi_core.imaging.degradation import Degradation
from dpi_core.imaging.known_degradations import (
    DEGRADATIONS,
    KINDS,
    Blind,
    LowLight,
    Occlusion,
    degradation_of,
    known_noise,
    make_degradation,
)
from dpi_core.imaging.second_order import SecondOrder

ALL = [*DEGRADATIONS, *(f"{kind} 5" for kind in KINDS)]


def of(name):
    return degradation_of(name) if name in DEGRADATIONS else make_degradation(name.split()[0], {"scale": 5})


def face(size=128, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC))


def grey(level, size=128):
    return np.full((size, size, 3), level, np.uint8)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [32, 96, 128, 256])
def test_a_seed_gives_one_result_of_the_size_it_says(name, size):
    degradation, before = of(name), face(size)
    first = degradation.apply(before, np.random.default_rng(3))
    assert first.dtype == np.uint8
    assert first.shape == (round(size / degradation.scale),) * 2 + (3,)
    assert np.array_equal(first, degradation.apply(before, np.random.default_rng(3)))
    assert np.array_equal(before, face(size)), "the face itself is left alone"


@pytest.mark.parametrize("name", [n for n in ALL if n[0] != "x" and n not in ("chain 5", "as-is", "as-is 5")])
def test_another_seed_gives_another_result(name):
    results = [of(name).apply(face(), np.random.default_rng(seed)) for seed in range(2)]
    assert not np.array_equal(*results)


@pytest.mark.parametrize("name", ALL)
def test_nothing_shifts(name):
    """Over many draws the left half of an edge stays as far from the middle as the right one."""
    edge = grey(60)
    edge[:, 64:] = 200
    degradation = of(name)
    rows = [degradation.apply(edge, np.random.default_rng(seed)).mean(axis=(0, 2)) for seed in range(60)]
    row = np.mean(rows, axis=0)
    middle = (row[0] + row[-1]) / 2
    if degradation.scale in (4, 8, 16):  # the edge lies between two pixels
        left, right = row[len(row) // 2 - 1], row[len(row) // 2]
        assert left < middle < right
        assert abs((left + right) / 2 - middle) < 0.15 * (right - left) + 3


@pytest.mark.parametrize("strength", ["mild", "medium", "heavy"])
def test_the_blind_ones_grow_with_their_names(strength):
    names = ["mild", "medium", "heavy"]
    chosen = degradation_of(f"blind-{strength}")
    for weaker in names[: names.index(strength)]:
        other = degradation_of(f"blind-{weaker}")
        assert (chosen.blur, chosen.noise, -chosen.jpeg) > (other.blur, other.noise, -other.jpeg)
        assert chosen.noise > other.noise
        assert chosen.jpeg < other.jpeg


def test_low_light_counts_photons():
    """At linear light L the electrons have mean and variance L photons; read noise adds its own."""
    white = LowLight(scale=1, photons=400, read_noise=0, brightness=0.5).apply(grey(255), np.random.default_rng(0))
    linear = ((white / 255 + 0.055) / 1.055) ** 2.4
    assert linear.mean() == pytest.approx(0.5, rel=0.01)
    assert linear.std() == pytest.approx(0.5 / 400**0.5, rel=0.05)
    read = LowLight(scale=1, photons=400, read_noise=40, brightness=0.5).apply(grey(255), np.random.default_rng(0))
    assert (((read / 255 + 0.055) / 1.055) ** 2.4).std() == pytest.approx(0.5 * (400 + 1600) ** 0.5 / 400, rel=0.05)


def test_an_occlusion_hides_its_share_with_one_colour():
    shares = []
    for seed in range(20):
        found = Occlusion(scale=1, share=0.1).apply(grey(77), np.random.default_rng(seed))
        hidden = (found != 77).any(axis=2)
        assert len(np.unique(found[hidden], axis=0)) == 1
        shares.append(hidden.mean())
    assert np.mean(shares) == pytest.approx(0.1, rel=0.1)


def test_the_second_order_keeps_the_mean_and_loses_detail():
    means = [SecondOrder().apply(face(), np.random.default_rng(seed)).mean() for seed in range(40)]
    assert np.mean(means) == pytest.approx(face().mean(), abs=4)
    bicubic = Degradation(4).apply(face(), np.random.default_rng(0))
    errors = [
        np.abs(SecondOrder().apply(face(), np.random.default_rng(s)) - bicubic.astype(float)).mean() for s in range(20)
    ]
    assert 3 < np.mean(errors) < 40


def test_only_a_noise_that_is_one_for_all_is_known():
    assert known_noise(degradation_of("blind-medium")) == 8
    assert known_noise(degradation_of("x8")) == known_noise(Blind()) == known_noise(SecondOrder()) == 0


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("fog", {}, "kind is 'fog'; allowed is one of chain, blind, second-order, low-light, occlusion, worn, as-is"),
        ("chain", {"blurr": 2}, "chain has no parameter 'blurr'; allowed are scale, kernel, blur, noise, jpeg"),
        ("chain", {"noise": "much"}, "noise of chain is 'much'; allowed is a number from 0"),
        ("chain", {"scale": 0.5}, "scale of chain is 0.5; allowed is a number from 1"),
        ("chain", {"kernel": "lanczos"}, "kernel is 'lanczos'; allowed is bicubic or area"),
        ("blind", {"jpeg": 120}, "jpeg of blind is 120; allowed is a whole number from 1 to 95"),
    ],
)
def test_what_is_wrong_is_said(kind, parameters, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        make_degradation(kind, parameters)


def test_an_unknown_name_is_said():
    with pytest.raises(ValueError, match="degradation is 'x3'; allowed is one of x4, x8"):
        degradation_of("x3")
