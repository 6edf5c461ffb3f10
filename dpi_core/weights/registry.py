"""The public priors, as data: where each comes from, what it is, how it may be used.

Revisions, sizes and hashes are those the hub's own pages show (the commit that added the file, its LFS pointer). Where a
hash is not known, the one found at the first download is recorded, and any later download has to match it.
"""

import re
from dataclasses import dataclass

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")


@dataclass(frozen=True)
class PriorSpec:
    """A prior on the hub.

    Attributes:
        repo, revision: the hub's repository and the commit; None = the newest at the first download.
        family: "adm" = one guided-diffusion checkpoint, "diffusers" = a folder in diffusers' layout.
        file: the file of weights; None = look for it, safetensors first.
        sha256: of that file; None = recorded at the first download.
        size: of that file, in bytes; None = not known before the hub is asked.
        image_size: pixels a side; None = as its config says.
        template: the crop it was trained on (`dpi_core.faces.templates`).
        licence: the terms of the weights, and of the photographs they were trained on.
    """

    repo: str
    revision: str | None = None
    family: str = "diffusers"
    file: str | None = None
    sha256: str | None = None
    size: int | None = None
    image_size: int | None = None
    template: str | None = None
    licence: str = "see its page on the hub"


PRIORS = {
    "ffhq-256": PriorSpec(
        "deepinv/diffunet",
        "57178e9f4ddfa931018774cccb7ccffe4ac969b5",
        "adm",
        "diffusion_ffhq_10m.pt",
        "81d535743156ec6be34d8668e6920da94f0614074d7793a16c8fa9e306237faa",
        374_417_833,
        256,
        "ffhq-256",
        "BSD-3-Clause; photographs (FFHQ): CC BY-NC-SA 4.0, non-commercial",
    ),
    "celebahq-256": PriorSpec(
        "google/ddpm-ema-celebahq-256",
        "dab25f071ab01af657bc6c67e9f57c3cee244a90",
        "diffusers",
        "diffusion_pytorch_model.bin",
        None,
        455_000_000,  # as the hub rounds it
        256,
        "ffhq-256",
        "Apache-2.0; photographs (CelebA-HQ): non-commercial research",
    ),
}


def spec_of(name: str) -> PriorSpec | None:
    """Find the spec of a prior by its name here or its hub id ("owner/name" or "owner/name@revision"); None otherwise."""
    if name in PRIORS:
        return PRIORS[name]
    if not HUB_ID.fullmatch(name):
        return None
    repo, _, revision = name.partition("@")
    return PriorSpec(repo, revision or None)
