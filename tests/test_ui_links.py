import pytest

from dpi_core.config import DPIConfig
from dpi_core.presets import DEFAULT_PRESET, PRESETS
from dpi_core.ui.links import read_link

START = PRESETS[DEFAULT_PRESET][0]


def test_a_plain_address_is_the_start():
    assert read_link({}) == (START, 0)
    assert read_link({"__theme": "dark", "view": "api"}) == (START, 0)


def test_every_setting_can_be_named():
    wanted = DPIConfig(
        steps=33,
        tau=120,
        sparsity=4,
        edge_exponent=2.5,
        omega=900.0,
        eta=0.3,
        correct=False,
        raw_eps=True,
        project=True,
    )
    query = {name: str(value) for name, value in vars(wanted).items()}
    assert read_link({**query, "seed": "12"}) == (wanted, 12)


def test_what_is_not_named_stays_at_the_start():
    config, seed = read_link({"tau": "350", "seed": "3"})
    assert config == START.replaced({"tau": 350})
    assert seed == 3


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"tau": "high"}, "tau is 'high' in the address"),
        ({"tau": "2000"}, "tau is 2000; allowed"),
        ({"steps": "2.5"}, "steps is 2.5"),
        ({"correct": "perhaps"}, "correct is 'perhaps'"),
        ({"seed": "-1"}, "seed is -1"),
        ({"eta": "nan"}, "eta is nan"),
    ],
)
def test_wrong_values_are_named(query, message):
    with pytest.raises(ValueError, match=message):
        read_link(query)
