import numpy as np
import pytest
import torch
from training_runs import pairs, pictures

from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.training import states as module
from dpi_core.training.states import alternating, forward_states, pack, unpack

AB = linear_alpha_bar()
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("seeded")


def test_what_is_packed_comes_out_again():
    c, y_init, h = pictures(3, 8), pictures(3, 8), pictures(3, 8)
    t = torch.tensor([0, 513, 999])
    for packed in (pack(c, t, y_init, h), pack(c, t, y_init, h).half()):
        found = unpack(packed)
        assert torch.equal(found[1], t)
        for a, b in zip((found[0], *found[2:]), (c, y_init, h), strict=True):
            assert torch.allclose(a, b, atol=1e-3)


def test_forward_states_have_the_noise_of_their_timestep(monkeypatch):
    # with a corrector that changes nothing, c is y_init noised to the level of t
    monkeypatch.setattr(module, "UNetCorrector", lambda network: network)
    found = forward_states(lambda c, t, y: y, pairs(64), CPU)
    for _ in range(10):
        c, t, y_init, h = unpack(next(found))
        ab = AB[t].float().view(-1, 1, 1, 1)
        noise = (c - ab.sqrt() * y_init) / (1 - ab).sqrt()
        assert float(noise.mean()) == pytest.approx(0, abs=5 / noise.numel() ** 0.5)
        assert float(noise.var()) == pytest.approx(1, abs=5 * (2 / noise.numel()) ** 0.5)
        assert h.shape == y_init.shape


def test_most_forward_states_hold_what_the_corrector_makes_of_noise(monkeypatch):
    monkeypatch.setattr(module, "UNetCorrector", lambda network: network)
    found = forward_states(lambda c, t, y: torch.full_like(y, 3.0), pairs(64), CPU)
    corrected = []
    for _ in range(60):
        c, t, _, _ = unpack(next(found))
        late = t < 100
        if late.sum() > 2:
            corrected.append(float(c[late].mean()) > 1.5)
    assert 0.5 < np.mean(corrected) < 0.9


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_two_kinds_of_states_come_in_their_shares(share):
    kinds = alternating(iter(lambda: torch.zeros(1), None), iter(lambda: torch.ones(1), None), share)
    assert np.mean([float(next(kinds)) for _ in range(1000)]) == pytest.approx(share, abs=0.06)


def test_the_states_follow_the_corrector_as_it_learns(monkeypatch):
    monkeypatch.setattr(module, "UNetCorrector", lambda network: network)
    level = [0.0]
    found = forward_states(lambda c, t, y: torch.full_like(y, level[0]), pairs(64), CPU)
    means = []
    for level[0] in (0.0, 5.0):
        states = [unpack(next(found)) for _ in range(40)]
        means.append(np.mean([float(c[t < 600].mean()) for c, t, _, _ in states]))
    assert means[1] > means[0] + 1
