"""Images as low in frequency as photographs are."""

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


def soft_image(seed: int, size: tuple[int, int] = (150, 110)) -> Image.Image:
    """Soft patches of colour, as low in frequency as photographs are."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((size[1], size[0], 3))
    fields = sum(gaussian_filter(noise, (s, s, 0)) * s for s in (2, 5, 12))
    return Image.fromarray(np.clip(128 + 60 * fields, 0, 255).astype(np.uint8))


def cut(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Cut shares of its width and height off the sides of an image."""
    width, height = image.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return image.crop(tuple(round(edge) for edge in box))
