"""Where weights come from: embedded, a folder, a checkpoint file or the Hugging Face hub; checked before they are trusted.

embedded_files  the files in assets/              registry  specs of the public priors
unets     folders in diffusers' layout      hub       one file from the hub, checked
layout    which of them are usable priors   adm       guided-diffusion checkpoints, converted
cache     what was fetched, with its hashes obtain    from a name to a folder, step by step
"""
