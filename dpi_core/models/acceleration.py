"""How the networks run on the device at hand: precision, memory layout, torch.compile and CUDA graphs.

Only the networks are touched. The sampler's own arithmetic stays float32, because the last steps divide by
sqrt(1 - alpha_bar) = 0.01, while a network's output is an estimate whose own error is far above bfloat16's rounding.
Weights are converted once instead of under autocast, which converts frozen weights anew at every call.
"""

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from dpi_core.errors import DPIError
from dpi_core.models.batch_splitting import is_out_of_memory
from dpi_core.models.cuda_graphs import Call, CudaGraphs, Recorded, reason
from dpi_core.models.devices import has_bfloat16

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
AUTO = "auto"
VERSIONS = 64  # of one piece of code, for shapes and networks; torch allows 8 and then quietly stops compiling
Model = TypeVar("Model")


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """Pick what the networks compute in.

    "auto" is bfloat16 where the device multiplies in it natively (`devices.has_bfloat16`) and float32 elsewhere: older GPUs
    and most CPUs emulate bfloat16 more slowly than they compute float32. So a result depends on the kind of CPU by less than
    a grey level on average; name float32 where it must not.

    Raises:
        ValueError: on an unknown name, or if the device cannot compute in it.
    """
    if name == AUTO:
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    if name not in PRECISIONS:
        raise DPIError(f"precision is {name!r}; allowed is {', '.join((AUTO, *PRECISIONS))}.")
    dtype = PRECISIONS[name]
    try:
        torch.ones(1, dtype=dtype, device=device).mul(2)
    except (RuntimeError, TypeError) as error:
        raise DPIError(f"precision is {name!r}, which {device.type} cannot compute in; try {AUTO!r}.") from error
    return dtype


def allow_tf32(device: torch.device) -> None:
    """Let CUDA round the inputs of float32 products to TensorFloat-32 (10 bits); torch knows this switch per process."""
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # convolutions may use it by default


def accelerated(
    model: Model, dtype: torch.dtype, faster: Callable[[nn.Module], Call] = lambda network: network
) -> Model:
    """Return a prior or corrector whose network runs in `dtype`, laid out channels last, and is called by ``faster(network)``.

    Its network is converted in place; a model without one (no attribute ``unet``) comes back as it is. Inputs and outputs
    stay float32.
    """
    network = getattr(model, "unet", None)
    if not isinstance(network, nn.Module):
        return model
    # the plain method: diffusers' own warns of modules to keep in float32 even where there are none
    nn.Module.to(network, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    converted = copy.copy(model)
    converted.unet = Converting(network, dtype, faster(network))  # type: ignore[attr-defined]
    return converted


class Converting(nn.Module):
    """A network in `dtype` for callers in float32.

    Args:
        network: the module that owns the weights.
        dtype: what they are in.
        call: takes (N,C,H,W) and t (N,), answers with ``.sample``: the network itself, `Compiled` or `Recorded`.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype, call: Call):
        super().__init__()
        self.network = network
        self.dtype = dtype
        self.call = call

    def forward(self, x: Tensor, t: Tensor) -> Any:
        """Answer with the network's output, float32, to `x` (N,C,H,W) at `t` (N,)."""
        call = self.network if x.requires_grad else self.call  # no gradient goes through what was compiled or recorded
        return SimpleNamespace(sample=call(x.to(self.dtype), t).sample.float())


class Compiled:
    """A network through torch.compile, anew for each shape; from its first failure on, the network itself.

    Code for any shape would take longer to make, and run slower, than code for each of the few a run has.

    Attributes:
        note: what a person should know; empty as long as compiling works.
    """

    def __init__(self, network: nn.Module, backend: str | Callable[..., Any] = "inductor"):
        self.note = ""
        self._network = network
        self._compiled: Any = torch.compile(network, backend=backend, dynamic=False)

    @torch.no_grad()
    def __call__(self, x: Tensor, t: Tensor) -> Any:
        """Answer as `Converting` does.

        Raises:
            RuntimeError: if the memory ran out; that is no failure of compiling.
        """
        if not self.note:
            try:
                with torch._dynamo.config.patch(recompile_limit=VERSIONS):
                    return self._compiled(x, t)
            except Exception as error:  # compilers fail in many ways, and none of them may cost the run
                if is_out_of_memory(error):
                    raise
                inner = getattr(error, "inner_exception", error)  # torch wraps what its compilers raise
                self.note = f"torch.compile failed ({reason(inner)}), so the network runs uncompiled: slower, as good."
        return self._network(x, t)


def quick_call(network: nn.Module, device: torch.device, compile_it: bool = False) -> Call:
    """Return the network as `device` runs it best: on CUDA as CUDA graphs, and through torch.compile if that is asked for."""
    call = Compiled(network) if compile_it else network
    return Recorded(call, CudaGraphs(device)) if device.type == "cuda" else call


def notes(*models: object) -> list[str]:
    """Collect what the compiled or recorded networks of these models have to say, each thing once."""
    calls = [getattr(getattr(model, "unet", None), "call", None) for model in models]
    return list(dict.fromkeys(call.note for call in calls if isinstance(call, Compiled | Recorded) and call.note))
