"""Which device the networks run on."""

import torch


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
        raise ValueError(f"device is {name!r}, which this machine cannot use; try 'auto' or 'cpu'.") from error
    return device
