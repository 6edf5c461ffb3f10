"""Checkpoints of the ADM family (Dhariwal & Nichol 2021, guided-diffusion), as diffusers' `UNet2DModel`.

The two networks compute the same with other names, but for two things. Attention: ADM keeps the rows of a qkv matrix as
(heads, 3, width), diffusers has three matrices, so the rows are first permuted to (3, heads, width); unpermuted, every name
fits and the output is silently wrong. Down- and upsampling is a residual block of its own (``resblock_updown``), which
diffusers calls a downsampler or upsampler.

The architecture is read from names and shapes. Two things leave no trace there: the width of an attention head, 64 in this
family, and the size of the images, whose lowest level is 8 pixels a side in this family. A network with 6 outputs names the
noise in the first 3; the others, a learned variance, stay in the network and are dropped by the prior (`UNetPrior`).
"""

import json
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError
from dpi_core.weights.unets import UNET_FILE

if TYPE_CHECKING:
    from torch import Tensor

HEAD_WIDTH = 64
MODULE = re.compile(r"(middle_block\.\d+|(input|output)_blocks\.\d+\.\d+)\.")
LOWEST = 8  # pixels a side at the lowest level
RESIDUAL = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
ATTENTION = {"norm": "group_norm", "proj_out": "to_out.0"}
ENDS = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}


def read_checkpoint(path: Path) -> "dict[str, Tensor]":
    """Read the tensors of a PyTorch checkpoint or a .safetensors file, on the CPU; nothing in it is run.

    Raises:
        ValueError: if it is no checkpoint, is damaged, or holds anything but tensors by name.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DPIError(
            f"{path}: refused, since it is damaged or holds more than tensors, which could run code when read."
        ) from error
    except Exception as error:  # damage shows in many ways
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DPIError(f"{path}: no checkpoint, or a damaged one ({reason}).") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DPIError(f"{path}: expected tensors by name, as a state dict has them.")
    return {str(name): value for name, value in state.items()}


def is_adm(names: "dict[str, Tensor] | set[str]") -> bool:
    """Tell whether a checkpoint has the names of this family."""
    return "input_blocks.0.0.weight" in names and "time_embed.0.weight" in names


def architecture(state: "dict[str, Tensor]") -> dict:
    """Work out the arguments of `UNet2DModel` for the network whose weights these are.

    Raises:
        ValueError: if it is no unconditional RGB network of this family with residual up- and downsampling.
    """
    if not is_adm(state):
        raise DPIError("the checkpoint is not of the guided-diffusion family: it has no input_blocks and time_embed.")
    if "label_emb.weight" in state:
        raise DPIError("the network is conditional (it has classes); a prior is unconditional.")
    channels, outputs = state["input_blocks.0.0.weight"].shape[1], len(state["out.2.weight"])
    if channels != 3 or outputs not in (3, 6):
        raise DPIError(f"the network has {channels} inputs and {outputs} outputs; allowed are 3 and 3 or 6.")
    if any(name.endswith((".op.weight", ".conv.weight")) for name in state):
        raise DPIError("the network samples by plain convolutions; allowed is residual up- and downsampling.")
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("output_blocks."))
    levels = 1 + len(_upsamplers(state))
    blocks, rest = divmod(depth, levels)
    if rest or blocks < 2:
        raise DPIError(f"the network has {depth} output blocks on {levels} levels; they cannot be shared out evenly.")
    layers = blocks - 1
    first = [1 + level * blocks for level in range(levels)]
    widths = tuple(len(state[f"input_blocks.{i}.0.in_layers.2.weight"]) for i in first)
    attends = [f"input_blocks.{i}.1.qkv.weight" in state for i in first]
    odd = [w for w, has in zip(widths, attends, strict=True) if has and w % HEAD_WIDTH]
    if odd:
        raise DPIError(f"the network attends at {odd[0]} channels; allowed are multiples of {HEAD_WIDTH}.")
    shift = len(state["input_blocks.1.0.emb_layers.1.weight"]) == 2 * widths[0]
    return {
        "sample_size": LOWEST << (levels - 1),
        "in_channels": channels,
        "out_channels": outputs,
        "block_out_channels": widths,
        "layers_per_block": layers,
        "down_block_types": tuple("AttnDownBlock2D" if has else "ResnetDownsampleBlock2D" for has in attends),
        "up_block_types": tuple("AttnUpBlock2D" if has else "ResnetUpsampleBlock2D" for has in reversed(attends)),
        "downsample_type": "resnet",
        "upsample_type": "resnet",
        "add_attention": "middle_block.1.qkv.weight" in state,
        "attention_head_dim": HEAD_WIDTH,
        "attn_norm_num_groups": 32,
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
        "resnet_time_scale_shift": "scale_shift" if shift else "default",
    }


def _upsamplers(state: "dict[str, Tensor]") -> set[str]:
    """``output_blocks.1.1``: the residual blocks that end a level of the way up."""
    found = (re.match(r"(output_blocks\.\d+\.[12])\.in_layers\.0\.weight", name) for name in state)
    return {match.group(1) for match in found if match}


def converted(state: "dict[str, Tensor]") -> "tuple[dict, dict[str, Tensor]]":
    """Convert an ADM checkpoint: the config and the float32 weights, by diffusers' names.

    Raises:
        ValueError: if the architecture cannot be had (see `architecture`), or a weight is missing or has no place in it.
    """
    import torch
    from diffusers import UNet2DModel

    config = architecture(state)
    blocks, upsamplers = config["layers_per_block"] + 1, _upsamplers(state)
    result: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        module, _, kind = name.rpartition(".")
        value = value.float()
        if module in ENDS:
            result[f"{ENDS[module]}.{kind}"] = value
            continue
        place, part = _place(module, blocks, upsamplers) if MODULE.match(module) else ("", module)
        if part == "qkv":
            for letter, rows in zip("qkv", split_qkv(value), strict=True):
                result[f"{place}.to_{letter}.{kind}"] = rows.contiguous()
        elif part in ATTENTION:
            is_matrix = part == "proj_out" and kind == "weight"
            result[f"{place}.{ATTENTION[part]}.{kind}"] = value.flatten(1) if is_matrix else value
        elif part in RESIDUAL:
            result[f"{place}.{RESIDUAL[part]}.{kind}"] = value
        else:
            raise DPIError(f"the checkpoint holds {name}, which has no place in this family.")
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in UNet2DModel(**config).state_dict().items()}
    found = {name: tuple(value.shape) for name, value in result.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise DPIError(
            f"the checkpoint does not fit its architecture in {len(wrong)} weights; {wrong[0]} is "
            f"{found.get(wrong[0], 'missing')}, expected {expected.get(wrong[0], 'nothing')}."
        )
    return config, result


def split_qkv(value: "Tensor", width: int = HEAD_WIDTH) -> "tuple[Tensor, Tensor, Tensor]":
    """Split ADM's qkv weight (3 C, C, 1) or bias (3 C,) into query, key and value rows: each (C, C) or (C,)."""
    rows = value.unflatten(0, (-1, 3, width)).transpose(0, 1)  # (3, heads, width, ..)
    query, key, values = rows.flatten(1, 2).flatten(2).unbind() if value.ndim > 1 else rows.flatten(1, 2).unbind()
    return query, key, values


def _place(module: str, blocks: int, upsamplers: set[str]) -> tuple[str, str]:
    """Where a module of ADM lies in diffusers, and which part of a residual or attention block it is."""
    group, *numbers = module.split(".")
    if group == "middle_block":
        step, part = int(numbers[0]), ".".join(numbers[1:])
        return ("mid_block.attentions.0" if step == 1 else f"mid_block.resnets.{step // 2}"), part
    index, step, part = int(numbers[0]), int(numbers[1]), ".".join(numbers[2:])
    side = "down" if group == "input_blocks" else "up"
    level, block = divmod(index - 1 if side == "down" else index, blocks)
    home = f"{side}_blocks.{level}"
    if side == "down" and block == blocks - 1:
        return f"{home}.downsamplers.0", part
    if f"{group}.{index}.{step}" in upsamplers:
        return f"{home}.upsamplers.0", part
    return f"{home}.{'resnets' if step == 0 else 'attentions'}.{block}", part


def convert(checkpoint: Path, folder: Path) -> dict:
    """Write an ADM checkpoint as a folder in diffusers' layout, float32 safetensors; returns the network's config.

    Raises:
        ValueError: naming the file, if it cannot be read or converted.
    """
    from safetensors.torch import save_file

    try:
        config, weights = converted(read_checkpoint(checkpoint))
    except (DPIError, KeyError) as error:
        text = str(error) if isinstance(error, DPIError) else f"the checkpoint lacks {error}."
        raise DPIError(text if str(checkpoint) in text else f"{checkpoint}: {text}") from error
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / UNET_FILE, metadata={"format": "pt"})
    config = {"_class_name": "UNet2DModel", **config}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return config
