"""Which device the networks run on, and what it is good at."""

from pathlib import Path

import torch

from dpi_core.errors import DPIError

CPU_FLAGS = {"amx_bf16", "avx512_bf16"}  # measured to pay; Arm's are not measured
CPU_INFO = Path("/proc/cpuinfo")


def pick_device(name: str = "auto") -> torch.device:
    """Pick a device: "auto" is CUDA, then Apple's MPS, then the CPU; any other name is taken as torch names devices.

    Raises:
        ValueError: if the device is unknown or this machine has none.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DPIError(f"device is {name!r}, which this machine cannot use; try 'auto' or 'cpu'.") from error
    return device


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether the device computes in bfloat16 itself. A CPU that only imitates it takes four times as long as in float32
    (measured on one with AVX-512 but not AVX512-BF16)."""
    if device.type == "cuda":
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
    if device.type == "cpu":
        return bool(CPU_FLAGS & _cpu_abilities())
    return False


def _cpu_abilities() -> set[str]:
    if hasattr(torch.cpu, "get_capabilities"):
        return {name for name, there in torch.cpu.get_capabilities().items() if there}
    try:  # torch 2.8 does not tell, Linux does
        return set(CPU_INFO.read_text().split())
    except OSError:
        return set()


def autocast(device: torch.device) -> torch.autocast:
    """Make a context in which networks compute in bfloat16 where the device has it, for training; elsewhere it does nothing."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16(device))
