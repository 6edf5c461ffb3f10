import json

import pytest
import torch
from test_priors import noise, tiny_unet

from dpi_core.models.acceleration import accelerated
from dpi_core.models.prior_network import HEAD_FILE, PixelHead, PriorNetwork
from dpi_core.models.priors import SIDECAR, UNetPrior, load_prior, save_prior

T = torch.tensor([10, 700])


def random_head(width=4) -> PixelHead:
    torch.manual_seed(1)
    head = PixelHead(width)
    torch.nn.init.normal_(head.last.weight, std=0.1)
    return head


def prior_with(head: PixelHead | None, classes: int | None, unshuffle=2) -> UNetPrior:
    unet = tiny_unet(in_channels=3 * unshuffle**2, out_channels=3 * unshuffle**2, num_class_embeds=classes)
    network = PriorNetwork(unet, head, unshuffle, None if classes is None else classes - 1)
    return UNetPrior(network.eval(), 16 * unshuffle, "v", unshuffle, "tight-128")


def test_a_new_head_leaves_the_answer_exactly_as_it_is():
    x, answer = noise(2, 3, 8, 8), noise(2, 3, 8, 8, seed=1)
    assert torch.equal(PixelHead()(x, answer), answer)


def test_a_new_head_learns():
    head = PixelHead(4)
    (head(noise(2, 3, 8, 8), noise(2, 3, 8, 8, seed=1)).square().mean()).backward()
    assert head.last.weight.grad.abs().max() > 0


@pytest.mark.parametrize("unshuffle", [2, 4])
def test_the_head_sees_image_and_answer_at_full_size(unshuffle):
    x = noise(2, 3, 16 * unshuffle, 16 * unshuffle)
    head = random_head()
    with torch.no_grad():
        plain = prior_with(None, None, unshuffle).network_output(x, T)
        assert torch.allclose(prior_with(head, None, unshuffle).network_output(x, T), head(x, plain), atol=1e-5)


def test_the_sharpest_class_is_asked_for_unless_told_otherwise():
    prior = prior_with(None, 5)
    x = noise(2, 3, 32, 32)
    with torch.no_grad():
        told = [prior.network_output(x, T, torch.full((2,), label)) for label in range(5)]
        assert torch.equal(prior.network_output(x, T), told[4])
    assert not torch.allclose(told[0], told[4])


def test_a_prior_with_head_and_classes_is_stored_and_loaded(tmp_path):
    prior = prior_with(random_head(), 5)
    save_prior(prior, tmp_path / "prior")
    again = load_prior(str(tmp_path / "prior"), "cpu")
    assert json.loads((tmp_path / "prior" / SIDECAR).read_text())["sharpest"] == 4
    x = noise(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(again.predict_eps(x, T), prior.predict_eps(x, T), atol=1e-2)  # float16 on disk
        assert not torch.allclose(again.network_output(x, T), prior_with(None, 5).network_output(x, T), atol=1e-2)
    assert not any(p.requires_grad for p in again.unet.parameters())
    assert not again.unet.training


@pytest.mark.parametrize("sharpest", [None, 5, -1])
def test_a_class_that_is_none_of_the_networks_is_refused(tmp_path, sharpest):
    save_prior(prior_with(None, 5), tmp_path)
    described = {**json.loads((tmp_path / SIDECAR).read_text()), "sharpest": sharpest}
    (tmp_path / SIDECAR).write_text(json.dumps({k: v for k, v in described.items() if v is not None}))
    with pytest.raises(ValueError, match=f"sharpest is {sharpest}, for a network with 5 classes"):
        load_prior(str(tmp_path), "cpu")


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_head_that_is_missing_or_damaged_is_named(tmp_path, damage):
    save_prior(prior_with(random_head(), None), tmp_path)
    if damage == "gone":
        (tmp_path / HEAD_FILE).unlink()
    else:
        (tmp_path / HEAD_FILE).write_bytes((tmp_path / HEAD_FILE).read_bytes()[:100])
    with pytest.raises(ValueError, match=f"{HEAD_FILE}: no head of a prior"):
        load_prior(str(tmp_path), "cpu")


def test_it_runs_in_bfloat16():
    prior, x = prior_with(random_head(), 5), noise(2, 3, 32, 32)
    with torch.no_grad():
        exact = prior.predict_eps(x, T)
        rough = accelerated(prior, torch.bfloat16).predict_eps(x, T)
    assert rough.dtype == torch.float32
    assert torch.allclose(rough, exact, atol=0.1)


def test_it_compiles_as_one_graph():
    prior, x = prior_with(random_head(), 5), noise(2, 3, 32, 32)
    folded = torch.nn.functional.pixel_unshuffle(x, 2)
    compiled = torch.compile(prior.unet, backend="aot_eager", fullgraph=True)
    labels = torch.tensor([0, 3])
    with torch.no_grad():
        answer, expected = compiled(folded, T, labels).sample, prior.unet(folded, T, labels).sample
    assert torch.allclose(answer, expected, atol=1e-5)
