"""How much detail a face crop holds, whatever its size in pixels: blur, enlargement and compression leave less.

The spectrum of a sharp face falls by about 8 dB an octave. Where the crop was reduced or blurred, it falls off a cliff. So the
crop holds the detail of a copy reduced by ``scale`` if the octave just below that copy's Nyquist frequency has kept its
energy beside the octave below.
"""

from torch import Tensor

from dpi_core.measure.spectra import decibels, octave_power

CLIFFS = {2: -15.0, 4: -14.0, 8: -14.0}
"""Scale -> dB between one octave and the next; how often it is told right:
``python -m dpi_core.evaluation.automatic_choice``."""
COARSEST = 16


def held_scale(crop: Tensor) -> int:
    """Tell by what an aligned face (1,3,S,S) can be reduced without losing detail that it holds: 2, 4, 8 or 16.

    2 is also the answer for a face that could be reduced by less. Noise counts as detail.
    """
    return next((scale for scale, cliff in CLIFFS.items() if fall(crop, scale) >= cliff), COARSEST)


def fall(crop: Tensor, scale: int) -> float:
    """Measure how far the spectrum of `crop` (1,3,S,S) falls, in dB, to the last octave that a copy reduced by `scale` has."""
    nyquist = 0.5 / scale
    last, before = (float(octave_power(crop, top)) for top in (nyquist, nyquist / 2))
    return decibels(last / max(before, 1e-12))
