"""How far the loading of a prior is: what its generators yield on the way to their result."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """A step on the way.

    Attributes:
        what: what is going on: "Downloading diffusion_ffhq_10m.pt".
        done, total: bytes, where they can be counted.
        seconds_left: at the present pace.
    """

    what: str
    done: int = 0
    total: int | None = None
    seconds_left: float | None = None

    @property
    def text(self) -> str:
        """In a line: Downloading diffusion_ffhq_10m.pt: 120 of 374 MB, 21 s left."""
        if not self.done and not self.total:
            return f"{self.what} .."
        of = f" of {self.total / 1e6:.0f}" if self.total else ""
        left = f", {self.seconds_left:.0f} s left" if self.seconds_left is not None else ""
        return f"{self.what}: {self.done / 1e6:.0f}{of} MB{left}"
