"""What crosses between processes: any record of the pipeline as bytes, its tensors as NumPy arrays.

Torch would send a tensor through shared memory or, on a GPU, as a handle that dies with its process; an array is a copy that
needs neither the other process nor its device.

Pickle, which runs what its bytes say, is right here and nowhere else: the ``spaces`` package pickles whatever crosses anyway,
and both ends are this program, one forked from the other, joined by a pipe that no request reaches. A client's values are
checked and made into a `Request` before, its photo into pixels; no bytes of a client's, of a file or of the network come to
`unpack`, and `tests/test_web_packing.py` holds that `web.lent_restorer` alone calls it.
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
    """Return what `pack` was given. Only for bytes that `pack` wrote in a process of this program's (see the module)."""
    return pickle.loads(data)
