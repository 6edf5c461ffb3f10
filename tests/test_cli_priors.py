import json

import pytest
from hub_server import CHECKPOINT, serving_ffhq

from dpi_core.__main__ import main
from dpi_core.weights.cache import Entry
from dpi_core.weights.unets import UNET_FILE

GOLDEN = CHECKPOINT.read_bytes()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serving_ffhq(monkeypatch, tmp_path) as hub:
        yield hub


def rows(capsys) -> dict[str, dict]:
    assert main(["priors", "--json"]) == 0
    return {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_the_list_says_what_there_is_and_what_is_here(hub, capsys):
    found = rows(capsys)
    assert list(found) == ["embedded", "ffhq-256", "celebahq-256"]
    assert found["ffhq-256"]["state"] == "not downloaded"
    assert found["ffhq-256"]["download_bytes"] == 374_417_833
    assert "non-commercial" in found["celebahq-256"]["licence"]
    assert hub.asked == []
    assert main(["priors"]) == 0
    text = capsys.readouterr().out
    assert "ffhq-256: not downloaded" in text
    assert "374 MB; crop ffhq-256" in text


def test_one_by_name_is_fetched(hub, capsys):
    assert main(["priors", "ffhq-256"]) == 0
    assert capsys.readouterr().out.strip() == str(Entry("ffhq-256").folder)
    found = rows(capsys)["ffhq-256"]
    assert found["state"] == "cached"
    assert found["local_bytes"] > len(GOLDEN)
    (Entry("ffhq-256").folder / UNET_FILE).write_bytes(b"")
    assert rows(capsys)["ffhq-256"]["state"].startswith("cached but damaged")


def test_a_broken_off_download_and_a_checkpoint_of_ones_own_are_listed(hub, tmp_path, capsys):
    hub.get_faults = [("cut", 500_000), 503]
    assert main(["priors", "ffhq-256"]) == 2
    assert "the server answered 503" in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / "mine.pt").write_bytes(GOLDEN)
    assert main(["priors", str(tmp_path / "mine.pt")]) == 0
    capsys.readouterr()
    found = rows(capsys)
    assert found["ffhq-256"]["state"] == "download under way or broken off"
    (mine,) = (row for name, row in found.items() if name.startswith("mine-"))
    assert (mine["state"], mine["source"]) == ("cached", "a file on this machine")


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("fault", [401, 404])
def test_what_brought_nothing_is_no_download(hub, capsys, fault, left):
    for name in ("ffhq-256", "owner/nothing"):
        if left:  # the empty folder of an earlier version
            Entry(name).downloads.mkdir(parents=True)
        hub.head_faults = [fault] * 2
        assert main(["priors", name]) == 2
    capsys.readouterr()
    found = rows(capsys)
    assert found["ffhq-256"]["state"] == "not downloaded"
    assert "owner/nothing" not in found


@pytest.mark.parametrize("command", ["priors", "restore"])
def test_an_unknown_prior_is_one_line(capsys, tmp_path, astronaut, command):
    argv = (
        ["priors", "nope"]
        if command == "priors"
        else ["restore", str(astronaut), "-o", str(tmp_path), "--prior", "nope"]
    )
    assert main(argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "prior is 'nope'; allowed is 'embedded', 'ffhq-256'" in line
