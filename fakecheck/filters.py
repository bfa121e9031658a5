"""The named OpenCV filters that a detector's card may chain, applied to the resized crop in order.

They are the ones that the system of Heo and Cho (2020) used to make a fake attribute stand out.
Training runs the same functions, so that a detector sees at run time what it learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from fakecheck.types import Image

Filter = Callable[..., Image]


def clahe(image: Image, clip_limit: float = 2.0, tiles: int = 8) -> Image:
    """Contrast-limited adaptive histogram equalisation of lightness, in CIE Lab."""
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB)
    lab[..., 0] = cv2.createCLAHE(clip_limit, (tiles, tiles)).apply(lab[..., 0].copy())
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)


def equalize(image: Image) -> Image:
    """Histogram equalisation of luma."""
    ycc = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)
    ycc[..., 0] = cv2.equalizeHist(ycc[..., 0].copy())
    return cv2.cvtColor(ycc, cv2.COLOR_YCrCb2BGR)


def emboss(image: Image) -> Image:
    """Relief along the falling diagonal around middle grey."""
    kernel = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.float32)
    return cv2.filter2D(image, -1, kernel)


def bilateral(image: Image, diameter: int = 9, sigma: float = 75.0) -> Image:
    """Smooths noise and keeps edges."""
    return cv2.bilateralFilter(image, diameter, sigma, sigma)


def gamma(image: Image, gamma: float = 0.5) -> Image:
    """Power law on 0..1: under 1 brightens the shadows."""
    table = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return cv2.LUT(image, table)


def threshold(image: Image, level: float = 127.0, mode: str = "binary") -> Image:
    """A channel at a time: `binary` is 255 above `level`, else 0; `truncate` cuts at `level`."""
    modes = {"binary": cv2.THRESH_BINARY, "truncate": cv2.THRESH_TRUNC}
    return cv2.threshold(image, level, 255, modes[mode])[1]


def median(image: Image, size: int = 3) -> Image:
    """Median over size × size pixels, `size` odd."""
    return cv2.medianBlur(image, size)


def laplacian_of_gaussian(image: Image, sigma: float = 1.0, gain: float = 2.0) -> Image:
    """Edges and dots around middle grey."""
    edges = cv2.Laplacian(cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma), cv2.CV_32F)
    return _to_bytes(128 + gain * edges)


def sharpen(image: Image, amount: float = 1.0, sigma: float = 1.0) -> Image:
    """Unsharp mask."""
    source = image.astype(np.float32)
    return _to_bytes(source + amount * (source - cv2.GaussianBlur(source, (0, 0), sigma)))


def high_pass(image: Image, sigma: float = 3.0, gain: float = 2.0) -> Image:
    """What a Gaussian blur removes, around middle grey."""
    source = image.astype(np.float32)
    return _to_bytes(128 + gain * (source - cv2.GaussianBlur(source, (0, 0), sigma)))


def _to_bytes(values: np.ndarray) -> Image:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


FILTERS: dict[str, Filter] = {
    f.__name__: f
    for f in (
        clahe,
        equalize,
        emboss,
        bilateral,
        gamma,
        threshold,
        median,
        laplacian_of_gaussian,
        sharpen,
        high_pass,
    )
}


# Filter → its parameters, and the least and the most that each may be.
LIMITS: dict[str, dict[str, tuple[float, float]]] = {
    "clahe": {"clip_limit": (0.1, 100), "tiles": (1, 64)},
    "equalize": {},
    "emboss": {},
    "bilateral": {"diameter": (1, 31), "sigma": (0.1, 1000)},
    "gamma": {"gamma": (0.01, 100)},
    "threshold": {"level": (0, 255)},
    "median": {"size": (1, 99)},
    "laplacian_of_gaussian": {"sigma": (0.1, 20), "gain": (0, 100)},
    "sharpen": {"amount": (0, 100), "sigma": (0.1, 20)},
    "high_pass": {"sigma": (0.1, 20), "gain": (0, 100)},
}
WHOLE, ODD = {"tiles", "diameter", "size"}, {"size"}
MODES = ("binary", "truncate")
MAX_STEPS = 16


def check_filters(chain: Sequence[Mapping[str, Any]]) -> None:
    """Raises ValueError for a chain that `apply_filters` should not be given.

    Nothing is run: OpenCV ends the process at some values, and takes minutes at others.
    """
    if len(chain) > MAX_STEPS:
        raise ValueError(f"at most {MAX_STEPS} filters can be chained, got {len(chain)}")
    for step in chain:
        name = step.get("name")
        if not isinstance(name, str) or name not in FILTERS:
            raise ValueError(f"unknown filter {name!r:.60}, known are {', '.join(FILTERS)}")
        for key, value in step.items():
            if key != "name":
                _check_parameter(name, key, value)


def _check_parameter(name: str, key: str, value: Any) -> None:
    if (name, key) == ("threshold", "mode"):
        if value not in MODES:
            raise ValueError(f"filter {name}: mode must be {' or '.join(MODES)}, got {value!r:.60}")
        return
    if key not in LIMITS[name]:
        raise ValueError(f"filter {name}: takes no {key!r:.60}")
    least, most = LIMITS[name][key]
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not least <= value <= most:
        raise ValueError(f"filter {name}: {key} must be {least:g} to {most:g}, got {value!r:.60}")
    if key in WHOLE and not isinstance(value, int):
        raise ValueError(f"filter {name}: {key} must be a whole number, got {value!r:.60}")
    if key in ODD and value % 2 == 0:
        raise ValueError(f"filter {name}: {key} must be odd, got {value}")


def apply_filters(image: Image, chain: Sequence[Mapping[str, Any]]) -> Image:
    """`image` (height, width, 3) uint8 BGR through the `chain` of `{"name": …, parameter: value}`.

    Raises ValueError for a name that is not in FILTERS or a parameter that its filter does not
    take.
    """
    for step in chain:
        parameters = dict(step)
        name = parameters.pop("name", None)
        if name not in FILTERS:
            raise ValueError(f"unknown filter {name!r}, known are {', '.join(FILTERS)}")
        try:
            image = FILTERS[name](image, **parameters)
        except TypeError as error:
            raise ValueError(f"filter {name}: {error}") from error
    return image
