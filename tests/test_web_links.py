import json
import re
from types import SimpleNamespace

import pytest

from dpi_core.method.config import DPIConfig
from dpi_core.web.events import FIELDS
from dpi_core.web.links import (
    Linked,
    number,
    one_of,
    read_link,
    setting,
    text_that,
    view_script,
    write_script,
    yes_or_no,
)

LINKED = [Linked(field, SimpleNamespace(value=getattr(DPIConfig(), field)), setting(field)) for field in FIELDS]
SEED = Linked("seed", SimpleNamespace(value=0), number("seed", 0, 9))


def test_a_plain_address_names_nothing():
    assert read_link([*LINKED, SEED], {}) == {}
    assert read_link([*LINKED, SEED], {"__theme": "dark", "utm_source": "mail"}) == {}


def test_every_setting_is_read_from_its_text():
    config = DPIConfig(7, 50, 3, 2.5, 800.0, 0.25, False, True, True)
    query = {field: str(getattr(config, field)).lower() for field in FIELDS}
    assert DPIConfig.from_dict(read_link(LINKED, query)) == config
    assert read_link(LINKED, {"omega": "1200"}) == {"omega": 1200}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"tau": "high"}, "tau is 'high' in the address; allowed is a number"),
        ({"tau": "1001"}, "tau is 1001; allowed is a whole number from 0 to 1000"),
        ({"tau": "1.5"}, "tau is 1.5; allowed is a whole number"),
        ({"eta": "nan"}, "eta is nan"),
        ({"correct": "maybe"}, "correct is 'maybe' in the address; allowed is true or false"),
        ({"seed": "10"}, "seed is 10; allowed is a whole number from 0 to 9"),
        ({"seed": "inf"}, "seed is inf"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(query, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_link([*LINKED, SEED], query)


def test_texts_are_read_as_their_view_checks_them():
    assert one_of("mode", ("Simulate x8",))("Simulate x8") == "Simulate x8"
    with pytest.raises(ValueError, match="mode is 'x' in the address; allowed is one of Simulate x8"):
        one_of("mode", ("Simulate x8",))("x")
    assert text_that(json.loads)("[1]") == "[1]"
    with pytest.raises(ValueError, match="Expecting"):
        text_that(json.loads)("[")
    assert yes_or_no("aligned")("YES") is True


def test_the_script_knows_names_and_starts():
    script = write_script([*LINKED, SEED])
    assert json.dumps([*FIELDS, "seed"]) in script
    assert "%" not in script
    assert 'set("view", "ab")' in view_script("ab", "restore")
    assert 'delete("view")' in view_script("restore", "restore")
