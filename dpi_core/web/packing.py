"""What crosses between processes: any record of the pipeline as bytes, its tensors as NumPy arrays.

Torch would send a tensor through shared memory or, on a GPU, as a handle that dies with its process; an array is a copy that
needs neither the other process nor its device.
"""

import pickle
from io import BytesIO
from typing import Any

import torch
from torch import Tensor


class _Packer(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if not isinstance(obj, Tensor):
            return NotImplemented
        plain = obj.detach().cpu()
        if plain.dtype == torch.bfloat16:  # which NumPy does not know; float32 holds each of its values
            return _as_bfloat16, (plain.float().numpy(),)
        return torch.from_numpy, (plain.contiguous().numpy(),)


def _as_bfloat16(values: Any) -> Tensor:
    return torch.from_numpy(values).bfloat16()


def pack(record: object) -> bytes:
    """Write a record as bytes; its tensors come back on the CPU, with the same values and dtype."""
    buffer = BytesIO()
    _Packer(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(record)
    return buffer.getvalue()


def unpack(data: bytes) -> Any:
    """Return what `pack` was given. Only for bytes of this program's own processes: unpickling runs what the bytes say."""
    return pickle.loads(data)
