import pytest
import torch
from safetensors.torch import save_file

from dpi_core.training import shards
from dpi_core.training.shards import has_shards, read_shards, write_shards

pytestmark = pytest.mark.usefixtures("seeded")


def parts(count=5):
    return {
        part: {f"layer{i}.weight": torch.randn(20, 30) for i in range(count)} | {"steps": torch.tensor(7)}
        for part in ("network", "average-50")
    }


def test_what_was_written_is_read(tmp_path):
    written = parts()
    write_shards(written, tmp_path / "shards")
    found = read_shards(tmp_path / "shards")
    assert found.keys() == written.keys()
    for part, state in written.items():
        assert found[part].keys() == state.keys()
        for name, value in state.items():
            assert found[part][name].dtype == value.dtype
            assert torch.allclose(found[part][name].float(), value.float(), rtol=1e-3, atol=1e-4)


def test_no_file_is_larger_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "LIMIT", 4000)
    monkeypatch.setattr(shards, "NAMES", 1000)
    write_shards(parts(), tmp_path)
    sizes = [path.stat().st_size for path in tmp_path.glob("*.safetensors")]
    assert len(sizes) > 3
    assert max(sizes) <= 4000
    assert set(read_shards(tmp_path)["network"]) == set(parts()["network"])


def test_old_shards_do_not_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "LIMIT", 4000)
    monkeypatch.setattr(shards, "NAMES", 1000)
    write_shards(parts(9), tmp_path)
    save_file({"network/old": torch.zeros(2)}, tmp_path / "shard-00.safetensors")  # as they were named once
    assert "old" in read_shards(tmp_path)["network"]
    write_shards(parts(1), tmp_path)
    assert set(read_shards(tmp_path)["network"]) == {"layer0.weight", "steps"}


def test_a_folder_without_them_is_named(tmp_path):
    assert not has_shards(tmp_path)
    with pytest.raises(ValueError, match="no shards of weights"):
        read_shards(tmp_path)
