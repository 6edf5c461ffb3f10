import pytest
import torch

from dpi_core.models.devices import has_bfloat16, pick_device


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest_there_is(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device() == pick_device("auto") == torch.device(expected)


def test_the_cpu_is_always_there():
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["abacus", "", "cpu:x", "cuda:99", "CPU0"])
def test_a_device_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match=f"device is '{name}', which this machine cannot use; try 'auto' or 'cpu'"):
        pick_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_on_a_machine_without_it_is_no_traceback():
    with pytest.raises(ValueError, match="device is 'cuda'"):
        pick_device("cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_where_there_is_one():
    assert pick_device("cuda").type == pick_device("auto").type == "cuda"


@pytest.mark.parametrize(
    ("abilities", "expected"),
    [
        ({"avx512_f": True, "avx512_bf16": False}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({}, False),
    ],
)
def test_a_cpu_has_bfloat16_where_it_says_so(monkeypatch, abilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities, raising=False)
    assert has_bfloat16(torch.device("cpu")) is expected


@pytest.mark.parametrize(
    ("flags", "expected"), [("avx512f avx512_bf16 avx512_fp16", True), ("avx512f amx_bf16x", False), (None, False)]
)
def test_where_torch_does_not_tell_linux_does(monkeypatch, tmp_path, flags, expected):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr("dpi_core.models.devices.CPU_INFO", tmp_path / "cpuinfo")
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu vme {flags}\n")
    assert has_bfloat16(torch.device("cpu")) is expected


@pytest.mark.parametrize(
    ("hip", "capability", "expected"),
    [(None, (8, 0), True), (None, (9, 0), True), (None, (7, 5), False), ("6", (0, 0), True)],
)
def test_a_gpu_that_imitates_bfloat16_does_not_have_it(monkeypatch, hip, capability, expected):
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert has_bfloat16(torch.device("cuda")) is expected


def test_mps_computes_in_float32():
    assert not has_bfloat16(torch.device("mps"))
