"""Folders in diffusers' layout, and whether the network in one can be a prior: unconditional, in pixel space, RGB.

A folder holds the network itself (``config.json``) or a pipeline that has it in ``unet/``. What the config does not say
(prediction, noise schedule) stands in the scheduler's config, if there is one.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from dpi_core.errors import DPIError

SIDECAR = "prior.json"
FIELDS = ("image_size", "prediction", "unshuffle", "template")
SCHEDULE = {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02, "num_train_timesteps": 1000}
PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v"}
LATENT = {"vae", "vqvae", "vqgan"}
CONDITIONS = {"text_encoder", "tokenizer", "bert", "image_encoder", "low_res_scheduler"}
WIDE, TIGHT = "ffhq-256", "tight-128"  # crops


@dataclass(frozen=True)
class Layout:
    """Where the network lies and what kind of prior it is (the fields of `FIELDS`)."""

    unet: Path
    description: dict


def read_layout(root: Path) -> Layout:
    """Read what a local folder holds.

    Raises:
        ValueError: if it holds no network, or one that cannot be a prior.
    """
    unet = root / "unet" if not (root / "config.json").exists() and (root / "unet").is_dir() else root
    if (unet / SIDECAR).exists():
        return Layout(unet, _sidecar(unet / SIDECAR))
    config = read_json(unet / "config.json")
    if config is None:
        raise DPIError(f"{root}: no diffusers UNet2DModel with safetensors weights (it has no config.json).")
    scheduler = (unet if unet == root else root / "scheduler") / "scheduler_config.json"
    return Layout(unet, described(str(root), config, read_json(root / "model_index.json"), read_json(scheduler)))


def described(
    where: str, config: dict, index: dict | None, scheduler: dict | None, template: str | None = None
) -> dict:
    """Describe a network by the fields of `FIELDS`, from its own config, its pipeline's and its scheduler's.

    Args:
        where: what to call it in an error.
        template: the crop it was trained on; None = FFHQ's from 256 pixels on, the embedded prior's below.

    Raises:
        ValueError: if the network cannot be a prior.
    """
    kind = config.get("_class_name", "UNet2DModel")
    if LATENT & (index or {}).keys():
        raise DPIError(f"{where}: works on latents, not on pixels; a prior works in pixel space.")
    if "Condition" in str(kind) or CONDITIONS & (index or {}).keys():
        raise DPIError(f"{where}: is conditional ({kind}); a prior is an unconditional UNet2DModel.")
    if kind != "UNet2DModel":
        raise DPIError(f"{where}: holds a {kind}; a prior is an unconditional UNet2DModel.")
    if config.get("num_class_embeds") or config.get("class_embed_type"):
        raise DPIError(f"{where}: is conditional (it has classes); a prior is unconditional.")
    inputs, outputs, size = config.get("in_channels", 3), config.get("out_channels", 3), config.get("sample_size")
    if inputs != 3 or outputs not in (3, 6):
        raise DPIError(
            f"{where}: expects {inputs} channels and gives {outputs}; a prior without {SIDECAR} must take RGB images and "
            "give 3 channels, or 6 with a learned variance."
        )
    if isinstance(size, list) and len(set(size)) == 1:
        size = size[0]
    if not isinstance(size, int):
        raise DPIError(f"{where}: its config.json has sample_size {size!r}; allowed is one number, of pixels a side.")
    return {
        "image_size": size,
        "prediction": _prediction(where, scheduler or {}),
        "unshuffle": 1,
        "template": template or (WIDE if size >= 256 else TIGHT),
    }


def _prediction(where: str, scheduler: dict) -> str:
    if scheduler and "beta_schedule" not in scheduler and "num_train_timesteps" not in scheduler:
        raise DPIError(f"{where}: {scheduler.get('_class_name')} has no betas; allowed is a linear DDPM schedule.")
    found = {field: scheduler.get(field, usual) for field, usual in SCHEDULE.items()}
    if scheduler.get("trained_betas") or found != SCHEDULE:
        raise DPIError(f"{where}: its noise schedule is {found}; allowed is {SCHEDULE}.")
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        raise DPIError(f"{where}: predicts {prediction!r}; allowed is {' or '.join(PREDICTIONS)}.")
    return PREDICTIONS[prediction]


def _sidecar(path: Path) -> dict:
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise DPIError(f"{path}: expected the fields {', '.join(FIELDS)} as a JSON object.") from error


def read_json(path: Path) -> dict | None:
    """Read a JSON object from a file; None if there is no file.

    Raises:
        ValueError: if there is something else in it.
    """
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise DPIError(f"{path}: no JSON object ({error}).") from error
    if not isinstance(found, dict):
        raise DPIError(f"{path}: no JSON object.")
    return found
