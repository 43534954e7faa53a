"""Views: the plain resize and crop, and the same of an image too long to be resized whole."""

import numpy as np
import pytest
import torch
from image_files import random_image
from PIL import Image
from torchvision.transforms import v2

from sjft.evaluation.views import LONG, views_of
from sjft.settings.evaluation import EvaluationSettings

ORDINARY = [(20, 16), (16, 20), (31, 31), (500, 375), (100, 1600), (1600, 100), (1, 1), (1, 16)]
EXTREME = [(340, 20), (20, 340), (1000, 7), (7, 1000), (1601, 100), (1, 17), (17, 1), (4000, 200)]
SCALES = (36, 44, 53)


def settings(crops: str = "five", mirror: bool = True) -> EvaluationSettings:
    return EvaluationSettings.model_validate({"scales": SCALES, "crops": crops, "mirror": mirror})


def plainly(image: Image.Image, crops: str, mirror: bool) -> torch.Tensor:
    """The views as torchvision's own pipeline makes them."""
    crop = v2.FiveCrop(32) if crops == "five" else v2.Lambda(lambda p: [v2.CenterCrop(32)(p)])
    views = [view for scale in SCALES for view in crop(v2.Resize(scale)(image))]
    views += [v2.functional.horizontal_flip(view) for view in views] if mirror else []
    return torch.stack([v2.functional.pil_to_tensor(view) for view in views])


@pytest.mark.parametrize("size", ORDINARY)
@pytest.mark.parametrize("crops", ["centre", "five"])
@pytest.mark.parametrize("mirror", [False, True])
def test_views_are_those_of_resizing_and_then_cropping(
    size: tuple[int, int], crops: str, mirror: bool
) -> None:
    image = random_image(3, size)
    found = views_of(image, 32, settings(crops, mirror))
    assert torch.equal(found, plainly(image, crops, mirror))


@pytest.mark.parametrize("size", EXTREME)
@pytest.mark.parametrize("crops", ["centre", "five"])
def test_of_long_images_they_differ_by_rounding_alone(size: tuple[int, int], crops: str) -> None:
    assert max(size) > LONG * min(size)
    image = random_image(3, size)
    found, wanted = views_of(image, 32, settings(crops)), plainly(image, crops, True)
    assert found.shape == wanted.shape
    assert (found.int() - wanted.int()).abs().max() <= 2


@pytest.mark.parametrize("size", [(60_000, 1), (1, 60_000), (30_000, 50), (16, 256)])
def test_what_is_resized_does_not_grow_with_the_ratio_of_the_sides(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    made: list[int] = []
    resize = Image.Image.resize

    def noted(image: Image.Image, *arguments: object, **options: object) -> Image.Image:
        resized = resize(image, *arguments, **options)
        made.append(resized.width * resized.height)
        return resized

    monkeypatch.setattr(Image.Image, "resize", noted)
    assert views_of(random_image(1, size), 32, settings()).shape == (30, 3, 32, 32)
    assert made
    assert max(made) <= LONG * max(SCALES) ** 2


def test_a_long_image_s_ends_are_seen() -> None:
    values = np.zeros((1, 60_000, 3), np.uint8)
    values[:, :1], values[:, -1:] = (250, 0, 0), (0, 250, 0)
    upper_left, upper_right, lower_left, lower_right, centre = views_of(
        Image.fromarray(values), 32, EvaluationSettings(scales=(32,), crops="five")
    )
    for view, channel in ((upper_left, 0), (lower_left, 0), (upper_right, 1), (lower_right, 1)):
        assert view[channel].float().mean() > 100
        assert view[2].max() == 0
    assert centre.max() == 0
