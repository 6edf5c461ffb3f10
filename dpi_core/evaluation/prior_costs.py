"""What a restoration costs with each public prior on this machine: ``python -m dpi_core.evaluation.prior_costs``.

A prior that is not on this machine is timed with random weights in the same architecture: arithmetic takes the same time
whatever the numbers are. The time is that of the whole restoration of one face of a photograph with the published 20 steps
and one seed, models loaded, the face found; the first call of the network is not counted. Beside the seconds on the clock
stand those the processor worked, which other programs on the machine change little; with one thread and an idle machine the
two are the same.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.commands.console import in_a_sentence
from dpi_core.method.config import DPIConfig
from dpi_core.weights.cache import Entry
from dpi_core.weights.embedded_files import ASSETS
from dpi_core.weights.registry import PRIORS

if TYPE_CHECKING:
    from dpi_core.models.priors import UNetPrior

PHOTO = ASSETS / "examples" / "astronaut.jpg"
PYRAMID = {"sample_size": 256, "block_out_channels": (128, 128, 256, 256, 512, 512)}
ARCHITECTURES = {  # the arguments of UNet2DModel
    "ffhq-256": {
        **PYRAMID,
        "out_channels": 6,
        "layers_per_block": 1,
        "down_block_types": (*["ResnetDownsampleBlock2D"] * 4, "AttnDownBlock2D", "ResnetDownsampleBlock2D"),
        "up_block_types": ("ResnetUpsampleBlock2D", "AttnUpBlock2D", *["ResnetUpsampleBlock2D"] * 4),
        "downsample_type": "resnet",
        "upsample_type": "resnet",
        "attention_head_dim": 64,
        "attn_norm_num_groups": 32,
        "resnet_time_scale_shift": "scale_shift",
    },
    "celebahq-256": {
        **PYRAMID,
        "layers_per_block": 2,
        "down_block_types": (*["DownBlock2D"] * 4, "AttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "AttnUpBlock2D", *["UpBlock2D"] * 4),
        "attention_head_dim": None,
        "downsample_padding": 0,
        "flip_sin_to_cos": False,
        "freq_shift": 1,
        "norm_eps": 1e-6,
    },
}


def random_prior(name: str) -> "UNetPrior":
    """Make a registered prior with random weights: as fast, and as good for timing."""
    from diffusers import UNet2DModel

    from dpi_core.models.priors import UNetPrior

    unet = UNet2DModel(**ARCHITECTURES[name]).requires_grad_(False).eval()
    return UNetPrior(unet, 256, "epsilon", 1, str(PRIORS[name].template))


def measure(name: str, device: str, config: DPIConfig, runs: int) -> dict:
    """Time `runs` restorations with a prior; return the cheapest, in seconds, and what was measured."""
    import torch

    from dpi_core import Restorer
    from dpi_core.models.priors import save_prior

    with tempfile.TemporaryDirectory() as folder:
        real = name == "embedded" or Entry(name).sound()
        if not real:
            save_prior(random_prior(name), Path(folder))
        restorer = Restorer(name if real else folder, device)
    prepared, parameters = restorer.prepare(PHOTO), sum(p.numel() for p in restorer.prior.unet.parameters())
    times, work = [], []
    next(iter(restorer.restore_steps(prepared, config)))  # the first call of a network allocates and compiles
    for _ in range(runs):
        start, busy = time.perf_counter(), time.process_time()
        list(restorer.restore_steps(prepared, config))
        times.append(time.perf_counter() - start)
        work.append(time.process_time() - busy)
    return {
        "prior": name,
        "weights": "its own" if real else f"random ({parameters:,} parameters)",
        "device": str(restorer.device),
        "steps": config.steps,
        "threads": torch.get_num_threads(),
        "seconds": round(min(times), 2),
        "processor_seconds": round(min(work), 2),
    }


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["embedded", *PRIORS], help="embedded, ffhq-256, celebahq-256")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--runs", type=int, default=1, help="the cheapest of so many counts")
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in ("embedded", *PRIORS)]
    if unknown:
        parser.error(f"{unknown[0]!r} is no registered prior; allowed are embedded, {', '.join(PRIORS)}")
    for name in args.names:
        print(json.dumps(measure(name, args.device, DPIConfig(steps=args.steps), args.runs)), flush=True)


if __name__ == "__main__":
    main()
