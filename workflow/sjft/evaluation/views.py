"""Views: the squares of an image that are scored, at several scales, in places, mirrored.

The shorter side is resized to the scale, and squares are cropped out of that, as everyone does it.
Of an image that is very long and narrow, that would take memory without end: there each square is
resized from the part of the image which it shows. It differs from the other by rounding alone.
"""

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from sjft.settings.evaluation import EvaluationSettings

# Above this ratio of the sides, the squares are cut out first: panoramas are not so long.
LONG = 16


def views_of(image: Image.Image, side: int, settings: EvaluationSettings) -> Tensor:
    """All views of an image, uint8 [views, 3, side, side], in the order scale, place, mirror.

    They take memory for `LONG` times the largest scale squared, whatever the image's shape.
    """
    squares = _cut_first if max(image.size) > LONG * min(image.size) else _resized_first
    views = [
        view for scale in settings.scales for view in squares(image, scale, side, settings.crops)
    ]
    images = torch.stack([transforms.pil_to_tensor(view) for view in views])
    return torch.cat([images, images.flip(-1)]) if settings.mirror else images


def _resized_first(image: Image.Image, scale: int, side: int, crops: str) -> list[Image.Image]:
    resized = transforms.resize(image, [scale], antialias=True)
    if crops == "five":
        return list(transforms.five_crop(resized, [side, side]))
    return [transforms.center_crop(resized, [side, side])]


def _cut_first(image: Image.Image, scale: int, side: int, crops: str) -> list[Image.Image]:
    """What `_resized_first` gives, without the resized image; its size is torchvision's."""
    shorter = min(image.size)
    size = tuple(int(scale * length / shorter) for length in image.size)
    right, bottom = (length - side for length in size)
    centre = (round(right / 2), round(bottom / 2))
    corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)] if crops == "five" else []
    return [_square(image, size, place, side) for place in [*corners, centre]]


def _square(
    image: Image.Image, size: tuple[int, ...], place: tuple[int, int], side: int
) -> Image.Image:
    """The square at a ``place`` of the image as it would be at another ``size``."""
    start = [p * own / wanted for p, own, wanted in zip(place, image.size, size, strict=True)]
    end = [
        min(own, (p + side) * own / wanted)
        for p, own, wanted in zip(place, image.size, size, strict=True)
    ]
    box = (start[0], start[1], end[0], end[1])
    return image.resize((side, side), Image.Resampling.BILINEAR, box=box)
