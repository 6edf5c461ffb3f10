"""CUDA graphs: a network's call, hundreds of kernel launches, recorded once for each shape and replayed as one.

A single face keeps a GPU so little busy that a call lasts as long as the CPU needs to launch its kernels; a replay skips that
and runs the same kernels. torch.compile has graphs of its own, but they cost a compiling of minutes, belong to the thread
that recorded them, while a page's generator wanders from thread to thread, and fail before PyTorch 2.13 in every thread but
the one that first imported them.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from dpi_core.models.batch_splitting import is_out_of_memory, release

REHEARSALS = 3  # calls before the recording: compilers, cuDNN and cuBLAS choose and allocate in the first ones
KEPT = 32  # recordings of one network: each holds some memory, and a page that runs for weeks sees many shapes
Call = Callable[[Tensor, Tensor], Any]  # x (N,C,H,W), t (N,) -> an object with ``.sample``


def reason(error: BaseException) -> str:
    """Shorten an error to its first line; at most 160 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


@dataclass(frozen=True)
class Recording:
    """One shape's call: fill `x` and `t`, `replay()`, read `out` before anything else is replayed."""

    x: Tensor
    t: Tensor
    out: Tensor
    replay: Callable[[], None]


class Recorded:
    """A network's call, replayed from recordings; from the first failure to record on, the call itself.

    Args:
        call: what is recorded, a network or `dpi_core.models.acceleration.Compiled`.
        record: makes a `Recording` of it for the shapes of `x` and `t`; `CudaGraphs` unless a test puts something else.
    """

    def __init__(self, call: Call, record: Callable[[Call, Tensor, Tensor], Recording]):
        self._call, self._record = call, record
        self._recordings: dict[tuple[Any, ...], Recording] = {}
        self._lock = threading.Lock()  # two threads must not fill one recording's input
        self._failure = ""

    @property
    def note(self) -> str:
        """Tell what a person should know of the recording and of the call; empty as long as both work."""
        return " ".join(filter(None, [getattr(self._call, "note", ""), self._failure]))

    @torch.no_grad()
    def __call__(self, x: Tensor, t: Tensor) -> Any:
        """Answer with the network's output to `x` (N,C,H,W) at `t` (N,), in memory of its own.

        Raises:
            RuntimeError: if the memory ran out; that is no failure to record.
        """
        with self._lock:
            if recording := self._recording(x, t):
                recording.x.copy_(x)
                recording.t.copy_(t)
                recording.replay()
                return SimpleNamespace(sample=recording.out.clone())
        return self._call(x, t)

    def _recording(self, x: Tensor, t: Tensor) -> Recording | None:
        key = (x.shape, x.stride(), x.dtype, t.dtype, x.device)
        if key not in self._recordings and not self._failure:
            if len(self._recordings) >= KEPT:
                del self._recordings[next(iter(self._recordings))]  # the oldest
            try:
                self._recordings[key] = self._record(self._call, x, t)
            except Exception as error:  # an operation that cannot be recorded may not cost the run
                # what ends a recording may raise an error of its own on top of the one that matters
                if any(is_out_of_memory(e) for e in (error, error.__context__) if e):
                    self._recordings.clear()  # their memory may be what is missing
                    release(x.device)
                    raise torch.OutOfMemoryError(str(error)) from error
                self._failure = (
                    f"Recording CUDA graphs failed ({reason(error)}), so the network runs without: slower, as good."
                )
        return self._recordings.get(key)


class CudaGraphs:
    """Records calls as CUDA graphs that share one pool of memory, as they never run at the same time."""

    def __init__(self, device: torch.device):
        self._device = device
        self._pool: Any = None

    def __call__(self, call: Call, x: Tensor, t: Tensor) -> Recording:
        """Rehearse `call`, then record it; other threads may use the GPU meanwhile, but PyTorch lets none draw noise on it.

        Raises:
            RuntimeError: if it cannot be recorded, or the memory runs out.
        """
        with torch.cuda.device(self._device):
            x, t = x.clone(), t.clone()
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(REHEARSALS):
                    call(x, t)
            torch.cuda.current_stream().wait_stream(aside)
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                    out = call(x, t).sample
            except Exception:
                self._pool = None  # it may be left half taken
                _end_recording(self._device)
                raise
        return Recording(x, t, out, graph.replay)


def _end_recording(device: torch.device) -> None:
    # a recording that failed leaves the GPU's generator waiting for its end, and every later draw of anybody fails
    index = torch.cuda.current_device() if device.index is None else device.index
    generator = torch.cuda.default_generators[index]
    generator.graphsafe_set_state(generator.clone_state())
