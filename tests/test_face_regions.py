"""Regions of a face: where they lie in every crop, and that each is measured alone."""

import pytest
import torch

from dpi_core.faces.templates import TEMPLATES
from dpi_core.measure.face_regions import FEATURES, region_mask, region_psnr
from dpi_core.measure.metrics import psnr

CROPS = list(TEMPLATES)


def points_of(crop: str, side: int) -> torch.Tensor:
    return torch.from_numpy(TEMPLATES[crop].resized(side).array())


@pytest.mark.parametrize("crop", CROPS)
def test_each_region_holds_its_points_and_no_pixel_is_in_two(crop):
    side = 128
    points = points_of(crop, side)
    masks = {region: region_mask(points, side, region) for region in (*FEATURES, "rest")}
    assert torch.equal(sum(mask.int() for mask in masks.values()), torch.ones(side, side, dtype=torch.int))
    for region, (of, _, _) in FEATURES.items():
        for x, y in points[list(of)].round().long().tolist():
            assert masks[region][y, x]


def test_a_region_is_the_same_part_of_the_face_at_every_size():
    small, large = (region_mask(points_of("tight-128", side), side, "eyes").double().mean() for side in (64, 256))
    assert abs(small - large) < 0.02


def test_an_error_counts_in_its_own_region_alone():
    points = points_of("tight-128", 32)
    true = torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(0)) * 2 - 1
    wrong = torch.where(region_mask(points, 32, "mouth"), 0.9 * true, true)
    exact = psnr(true[0], true[0])
    assert region_psnr(wrong, true, points, "eyes") == [exact, exact]
    assert max(region_psnr(wrong, true, points, "mouth")) < exact


def test_the_regions_together_are_the_whole():
    points = points_of("tight-128", 32)
    generator = torch.Generator().manual_seed(1)
    true, found = (torch.rand((1, 3, 32, 32), generator=generator, dtype=torch.float64) * 2 - 1 for _ in range(2))
    error = sum(
        float(region_mask(points, 32, region).double().mean())
        * 10 ** (-region_psnr(found, true, points, region)[0] / 10)
        for region in (*FEATURES, "rest")
    )
    assert error == pytest.approx(10 ** (-psnr(found[0], true[0]) / 10))
