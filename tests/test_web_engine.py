import gradio as gr
import pytest

from dpi_core.errors import DPIError
from dpi_core.restore import restorer as pipeline
from dpi_core.web.engine import MAX_HELD, Engine, EngineSettings
from dpi_core.web.page import build_page


@pytest.fixture
def loaded(monkeypatch):
    """The names of the priors that were loaded, by a stand-in for the pipeline."""
    names = []

    class Loaded:
        def __init__(self, prior, device, **options):
            if prior == "broken":
                raise DPIError("broken: the file is damaged.")
            names.append(prior)

    monkeypatch.setattr(pipeline, "Restorer", Loaded)
    return names


def test_a_prior_is_loaded_once(loaded):
    engine = Engine()
    assert engine.restorer() is engine.restorer("embedded") is engine.restorer(None)
    assert loaded == ["embedded"]
    assert engine.holds("embedded")


def test_the_prior_used_least_lately_makes_room(loaded):
    engine = Engine(EngineSettings(any_prior=True))
    first = engine.restorer("a")
    engine.restorer("b")
    assert engine.restorer("a") is first
    engine.restorer("c")
    assert [engine.holds(name) for name in "abc"] == [True, False, True]
    assert sum(engine.holds(name) for name in "abc") == MAX_HELD
    engine.restorer("b")
    assert loaded == ["a", "b", "c", "b"]


def test_a_prior_that_fails_takes_nobodys_place(loaded):
    engine = Engine(EngineSettings(any_prior=True))
    engine.restorer("a")
    engine.restorer("b")
    with pytest.raises(ValueError, match="damaged"):
        engine.restorer("broken")
    assert engine.holds("a")
    assert engine.holds("b")


def test_a_public_page_loads_only_the_priors_it_lists(loaded):
    engine = Engine(EngineSettings("runs/mine"))
    assert engine.priors == ("runs/mine", "embedded", "ffhq-256", "celebahq-256")
    with pytest.raises(ValueError, match=r"prior is '/etc'; allowed on this page is one of runs/mine, embedded"):
        engine.restorer("/etc")
    assert engine.checked_prior("") == engine.checked_prior(None) == "runs/mine"
    assert Engine(EngineSettings(any_prior=True)).checked_prior(" some/model ") == "some/model"
    assert loaded == []


def test_each_prior_has_its_own_pace():
    engine = Engine()
    assert engine.estimate(10) is None
    engine.note_pace(2.0, 20)
    engine.note_pace(40.0, 20, "ffhq-256")
    engine.note_pace(1.0, 0)
    assert engine.estimate(10) == engine.estimate(10, "embedded") == pytest.approx(1.0)
    assert engine.estimate(10, "ffhq-256") == pytest.approx(20.0)


def test_every_button_of_the_page_says_what_it_does():
    page = build_page(Engine(EngineSettings(device="cpu")))
    titles = [block.value for block in page.blocks.values() if isinstance(block, gr.Button)]
    assert len(titles) > 10
    assert gr.Button().value not in titles, "a button that was made to be sent stands on the page"
