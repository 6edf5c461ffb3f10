"""Which device the networks run on, and what it is good at."""

import torch

from dpi_core.errors import DPIError


def pick_device(name: str = "auto") -> torch.device:
    """ "auto" is CUDA, then Apple's MPS, then the CPU; any other name is taken as torch names devices.

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
    """Whether the device computes in bfloat16 itself. A CPU that only imitates it takes four times as long as in float32
    (measured on one with AVX-512 but not AVX512-BF16)."""
    if device.type == "cuda":
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
    if device.type == "cpu":
        abilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.8 does not tell
        return any(abilities.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return False


def autocast(device: torch.device) -> torch.autocast:
    """A context in which networks compute in bfloat16 where the device has it, for training; elsewhere it does nothing."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16(device))
