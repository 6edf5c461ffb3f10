import pytest
import torch
from test_priors import noise, tiny_unet
from test_training_shards import write_shards
from training_runs import TINY

from dpi_core.models.prior_network import PriorNetwork
from dpi_core.models.priors import UNetPrior, load_prior, save_prior
from dpi_core.training.starting import CLASS_EMBEDDING, starting_network

T = torch.tensor([10, 700])
LAYOUT = {"sample_size": 16, "in_channels": 12, "out_channels": 12, **TINY}


@pytest.fixture
def folder(tmp_path):
    save_prior(UNetPrior(tiny_unet(in_channels=12, out_channels=12), 32, "v", 2, "tight-128"), tmp_path / "prior")
    return tmp_path / "prior"


def answer(network: PriorNetwork, x: torch.Tensor, labels=None) -> torch.Tensor:
    prior = UNetPrior(network.eval(), x.shape[-1], "v", network.unshuffle, "tight-128")
    with torch.no_grad():
        return prior.network_output(x, T, labels)


@pytest.mark.parametrize("labels", [None, [0, 0], [1, 3]])
def test_at_first_it_answers_as_the_prior_it_starts_from(folder, labels):
    x = noise(2, 3, 32, 32)
    network = starting_network(folder, {}, 2)
    with torch.no_grad():
        expected = load_prior(str(folder), "cpu").network_output(x, T)
    # the same bits in, and out but for the rounding of a processor's kernels, which looks to where weights lie in memory
    own, given = network.unet.state_dict(), load_prior(str(folder), "cpu").unet.state_dict()
    assert all(torch.equal(own[name], weight) for name, weight in given.items())
    assert not own[CLASS_EMBEDDING].any()
    assert torch.allclose(answer(network, x, labels and torch.tensor(labels)), expected, rtol=0, atol=5e-6)
    assert all(p.requires_grad for p in network.parameters())


def test_a_prior_with_classes_and_head_goes_on_as_it_is(tmp_path, folder):
    network = starting_network(folder, {}, 2)
    torch.nn.init.normal_(network.unet.class_embedding.weight)
    torch.nn.init.normal_(network.head.last.weight)
    save_prior(UNetPrior(network, 32, "v", 2, "tight-128"), tmp_path / "second")
    again = starting_network(tmp_path / "second", {}, 2).state_dict()
    assert all(torch.allclose(again[name], value, atol=1e-2) for name, value in network.state_dict().items())


def test_a_network_for_twice_the_size_answers_as_the_old_one_does_to_the_means_of_2x2(folder):
    x = noise(2, 3, 64, 64)
    small = answer(starting_network(folder, {}, 2), torch.nn.functional.avg_pool2d(x, 2))
    large = answer(starting_network(folder, {}, 4), x)
    assert torch.allclose(large, small.repeat_interleave(2, 2).repeat_interleave(2, 3), atol=1e-5)


def test_a_new_one_has_classes_that_say_nothing_yet():
    network = starting_network(None, LAYOUT, 2)
    x = noise(2, 3, 32, 32)
    assert torch.equal(answer(network, x), answer(network, x, torch.tensor([0, 2])))


def test_from_shards_the_layout_is_new_and_the_weights_are_the_loops_affair(tmp_path):
    write_shards({"network": {}, "seen": {"samples": torch.tensor(3)}}, tmp_path)
    assert starting_network(tmp_path, LAYOUT, 2).config.in_channels == 12


def test_another_unshuffle_is_refused(folder):
    with pytest.raises(ValueError, match="with 2 or 4 can be trained, not 8"):
        starting_network(folder, {}, 8)
