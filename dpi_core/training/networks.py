"""The layout that the embedded networks share: diffusers' `UNet2DModel` with attention at the coarsest of its levels."""


def unet_layout(in_channels: int, out_channels: int, widths: tuple[int, ...], norm_groups: int = 8) -> dict:
    """Return the arguments of a `UNet2DModel` for 64x64 inputs with these channels at its levels."""
    plain = len(widths) - 1
    return {
        "sample_size": 64,
        "in_channels": in_channels,
        "out_channels": out_channels,
        "layers_per_block": 1,
        "block_out_channels": widths,
        "down_block_types": (*("DownBlock2D",) * plain, "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", *("UpBlock2D",) * plain),
        "attention_head_dim": 32,
        "norm_num_groups": norm_groups,
    }
