"""The ADM network written out as plain functions over a checkpoint's own names: what a converted one must reproduce.

After Dhariwal & Nichol 2021 with ``resblock_updown`` and ``use_scale_shift_norm``; checked against numbers of the published
implementation in `test_weights_adm`. Also random checkpoints of any width and depth.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

WIDTH = 64


def random_checkpoint(base=32, mult=(1, 2, 2), layers=1, attend=(1,), outputs=6, seed=0) -> dict[str, Tensor]:
    """A state dict with random weights, attention on the levels in `attend`."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def put(name, *shape):
        fan_in = math.prod(shape[1:])
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) / math.sqrt(fan_in)
        state[f"{name}.bias"] = 0.1 * torch.randn(shape[:1], generator=generator)

    def norm(name, width):
        state[f"{name}.weight"] = 1 + 0.1 * torch.randn(width, generator=generator)
        state[f"{name}.bias"] = 0.1 * torch.randn(width, generator=generator)

    def residual(name, inside, outside):
        norm(f"{name}.in_layers.0", inside)
        put(f"{name}.in_layers.2", outside, inside, 3, 3)
        put(f"{name}.emb_layers.1", 2 * outside, 4 * base)
        norm(f"{name}.out_layers.0", outside)
        put(f"{name}.out_layers.3", outside, outside, 3, 3)
        if inside != outside:
            put(f"{name}.skip_connection", outside, inside, 1, 1)

    def attention(name, width):
        norm(f"{name}.norm", width)
        put(f"{name}.qkv", 3 * width, width, 1)
        put(f"{name}.proj_out", width, width, 1)

    put("time_embed.0", 4 * base, base)
    put("time_embed.2", 4 * base, 4 * base)
    put("input_blocks.0.0", base, 3, 3, 3)
    index, width, widths = 1, base, [base]
    for level, factor in enumerate(mult):
        for _ in range(layers):
            residual(f"input_blocks.{index}.0", width, factor * base)
            width = factor * base
            if level in attend:
                attention(f"input_blocks.{index}.1", width)
            widths.append(width)
            index += 1
        if level < len(mult) - 1:
            residual(f"input_blocks.{index}.0", width, width)
            widths.append(width)
            index += 1
    residual("middle_block.0", width, width)
    attention("middle_block.1", width)
    residual("middle_block.2", width, width)
    index = 0
    for level, factor in reversed(list(enumerate(mult))):
        for block in range(layers + 1):
            residual(f"output_blocks.{index}.0", width + widths.pop(), factor * base)
            width, step = factor * base, 1
            if level in attend:
                attention(f"output_blocks.{index}.1", width)
                step = 2
            if level and block == layers:
                residual(f"output_blocks.{index}.{step}", width, width)
            index += 1
    norm("out.0", width)
    put("out.2", outputs, width, 3, 3)
    return state


def adm(state: dict[str, Tensor], x: Tensor, t: Tensor) -> Tensor:
    """The network's output (N, outputs, H, W) for `x` (N,3,H,W) at timesteps `t` (N,)."""
    state = {name: value.float() for name, value in state.items()}

    def linear(name, v):
        return F.linear(v, state[f"{name}.weight"], state[f"{name}.bias"])

    def conv(name, v):
        weight = state[f"{name}.weight"]
        return F.conv2d(v, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def norm(name, v):
        return F.group_norm(v, 32, state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)

    def residual(name, v, resize=lambda v: v):
        h = conv(f"{name}.in_layers.2", resize(F.silu(norm(f"{name}.in_layers.0", v))))
        scale, shift = linear(f"{name}.emb_layers.1", F.silu(embedding))[:, :, None, None].chunk(2, dim=1)
        h = norm(f"{name}.out_layers.0", h) * (1 + scale) + shift
        h = conv(f"{name}.out_layers.3", F.silu(h))
        v = resize(v)
        return h + (conv(f"{name}.skip_connection", v) if f"{name}.skip_connection.weight" in state else v)

    def attention(name, v):
        n, c, height, width = v.shape
        flat = norm(f"{name}.norm", v).reshape(n, c, -1)
        qkv = F.conv1d(flat, state[f"{name}.qkv.weight"], state[f"{name}.qkv.bias"])
        q, k, value = qkv.reshape(n * (c // WIDTH), 3 * WIDTH, -1).split(WIDTH, dim=1)
        weight = torch.softmax(torch.einsum("bct,bcs->bts", q, k) / math.sqrt(WIDTH), dim=-1)
        a = torch.einsum("bts,bcs->bct", weight, value).reshape(n, c, -1)
        out = F.conv1d(a, state[f"{name}.proj_out.weight"], state[f"{name}.proj_out.bias"])
        return v + out.reshape(n, c, height, width)

    def has(name):
        return any(key.startswith(f"{name}.") for key in state)

    base = len(state["input_blocks.0.0.weight"])
    frequencies = torch.exp(-math.log(10000) * torch.arange(base // 2) / (base // 2))
    angles = t[:, None].float() * frequencies
    embedding = linear("time_embed.0", torch.cat([angles.cos(), angles.sin()], dim=1))
    embedding = linear("time_embed.2", F.silu(embedding))

    count = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("output_blocks."))
    levels = 1 + sum(name.endswith(("1.in_layers.0.bias", "2.in_layers.0.bias")) for name in state if "output" in name)
    blocks = count // levels
    h = conv("input_blocks.0.0", x)
    kept = [h]
    for i in range(1, count):
        down = i % blocks == 0
        h = residual(f"input_blocks.{i}.0", h, (lambda v: F.avg_pool2d(v, 2)) if down else (lambda v: v))
        if has(f"input_blocks.{i}.1"):
            h = attention(f"input_blocks.{i}.1", h)
        kept.append(h)
    h = residual("middle_block.2", attention("middle_block.1", residual("middle_block.0", h)))
    for i in range(count):
        h = residual(f"output_blocks.{i}.0", torch.cat([h, kept.pop()], dim=1))
        for step in (1, 2):
            name = f"output_blocks.{i}.{step}"
            if has(f"{name}.qkv"):
                h = attention(name, h)
            elif has(name):
                h = residual(name, h, lambda v: F.interpolate(v, scale_factor=2, mode="nearest"))
    return conv("out.2", F.silu(norm("out.0", h)))
