import pytest
import torch
from torch import nn

from dpi_core.training import speed_log
from dpi_core.training.speed_log import SpeedLog, operations, peak_of


def test_the_operations_of_a_product_are_counted():
    layer = nn.Linear(30, 20, bias=False)
    assert operations(lambda: layer(torch.zeros(5, 30))) == 2 * 5 * 30 * 20


def test_the_line_tells_pace_and_share_of_the_peak():
    assert SpeedLog(None, None).line(12.34, 500) == "500 samples, 12.3 a second"
    assert SpeedLog(2e10, None).line(100, 500).endswith("100.0 a second, 2 TFLOP/s")
    assert SpeedLog(2e10, 1e13).line(100, 500).endswith("20.0% of the peak")


def test_a_cpu_has_no_known_peak():
    assert peak_of(torch.device("cpu")) is None


def test_it_speaks_once_in_the_time_given(monkeypatch):
    said, now = [], [0.0]
    monkeypatch.setattr(speed_log.tqdm, "write", said.append)
    monkeypatch.setattr(speed_log.time, "monotonic", lambda: now[0])
    log = SpeedLog(None, None, seconds=60)
    for second in range(0, 181, 10):
        now[0] = float(second)
        log.update(1000 + 5 * second)
    assert said == [f"{1000 + 5 * second} samples, 5.0 a second" for second in (60, 120, 180)]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_an_h100_has_one():
    if "H100" not in torch.cuda.get_device_name():
        pytest.skip("this GPU is no H100")
    assert peak_of(torch.device("cuda")) == 989e12
