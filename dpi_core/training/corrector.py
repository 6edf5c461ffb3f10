"""Train the condition corrector: ``python -m dpi_core.training.corrector --data FACES --out RUN --minutes 60``.

It learns the true face's grid h from the noisy grid c and the first condition y_init at timestep t. The loss is the mean
squared error of the pixels plus that of their 4x4 means, which the low-resolution image settles and the eye sees first.
Where c comes from is told in `dpi_core.training.states`.

Any prior will do (``--prior``), and ``--framing ffhq-256`` shows tight faces as FFHQ's crop would. ``--wide`` mixes larger
grids of that crop with those of the prior's own, so that one corrector serves priors of both sizes. On many GPUs, with
accelerate installed: ``accelerate launch -m dpi_core.training.corrector ...``; ``--batch`` is each process's own.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import torch.nn.functional as F
from diffusers import UNet2DModel
from PIL import Image
from torch import Tensor, nn

from dpi_core.commands.console import in_a_sentence
from dpi_core.faces.templates import TEMPLATES
from dpi_core.imaging.pixels import to_tensor
from dpi_core.models.correctors import UNetCorrector
from dpi_core.models.priors import UNetPrior, load_prior
from dpi_core.training.data import PASS, DegradedFaces, decode, endless, training_split
from dpi_core.training.framing import AS_IT_IS, FRAMINGS, IN_CONTEXT
from dpi_core.training.loop import Averages, add_network_arguments, add_run_arguments, run_settings, share, train
from dpi_core.training.networks import unet_layout
from dpi_core.training.shards import has_shards
from dpi_core.training.states import alternating, forward_states, unpack
from dpi_core.weights.unets import load_unet, save_unet

ARCHITECTURE = unet_layout(6, 3, (32, 64, 128, 128))
MEANS_WEIGHT = 4.0


def corrector_loss(network: nn.Module, states: Tensor) -> Tensor:
    """Compute the loss on packed `states` (N,10,h,w), see `dpi_core.training.states.pack`."""
    c, t, y_init, h = unpack(states)
    error = UNetCorrector(network)(c, t, y_init).float() - h
    return error.square().mean() + MEANS_WEIGHT * F.avg_pool2d(error, 4).square().mean()


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, learning_rate=4e-4)
    add_network_arguments(parser)
    parser.add_argument("--prior", default="embedded", help="the prior the corrector works with (default embedded)")
    parser.add_argument("--framing", choices=tuple(FRAMINGS), default=AS_IT_IS, help="the crop to show the faces in")
    parser.add_argument("--wide", type=share, default=0.0, help="share of batches in FFHQ's crop at 256x256 (0 to 1)")
    args = parser.parse_args(argv)
    settings = run_settings(args, shards=args.shards, init=args.init)
    device, frame = settings.device, FRAMINGS[args.framing]

    faces, held_out = training_split(args.data)
    check = list((held_out or faces).values())[:8]
    if settings.processes is not None:
        faces = settings.processes.share(faces)
    prior = load_prior(args.prior, str(device))
    starts = args.init is not None and not has_shards(args.init)
    network = load_unet(args.init, device).requires_grad_(True) if starts else UNet2DModel(**ARCHITECTURE)
    network.to(device)

    def states_of(size: int, frame: Callable[[Image.Image], Image.Image]) -> Iterator[Tensor]:
        pairs = endless(lambda seed: DegradedFaces(faces, size, PASS, seed, frame), args.batch, args.workers)
        return forward_states(network, pairs, device)

    states = states_of(prior.image_size, frame)
    if args.wide:
        states = alternating(states, states_of(TEMPLATES[IN_CONTEXT].size, FRAMINGS[IN_CONTEXT]), args.wide)
    sheet = [frame(decode(data)) for data in check]

    def export(averages: Averages) -> None:
        for suffix, module in averages.items():
            save_unet(module, args.out / f"corrector{suffix}")

    averages = train(network, corrector_loss, states, settings, export, args.compile)
    for suffix, module in averages.items():
        restored(module, prior, sheet).save(args.out / f"restored{suffix}.png")


def restored(network: nn.Module, prior: UNetPrior, faces: list[Image.Image]) -> Image.Image:
    """Draw a sheet of faces restored with a corrector's network."""
    from dpi_core.training.sheets import restoration_sheet

    true = [np.asarray(face.resize((prior.image_size,) * 2, Image.Resampling.LANCZOS)) for face in faces]
    return restoration_sheet(prior, UNetCorrector(network), to_tensor(np.stack(true)))


if __name__ == "__main__":
    main()
