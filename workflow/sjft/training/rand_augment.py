"""RandAugment: torchvision's operations, chosen by numbers that are given."""

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.transforms import InterpolationMode, v2

from sjft.settings.training import TrainingSettings
from sjft.storage.files import stable_integer

OPERATIONS = 2  # on each image, as in torchvision and timm
NUMBERS = 2 * OPERATIONS


def operation_numbers(seed: int, step: int, places: int) -> NDArray[np.float64]:
    """Uniform in [0, 1), [places, `NUMBERS`]: of seed and step alone, a row for each place."""
    generator = np.random.default_rng(stable_integer("rand augment", seed, step))
    return generator.random((places, NUMBERS))


class SeededRandAugment(v2.RandAugment):  # type: ignore[misc]
    """torchvision's RandAugment without its generator.

    torchvision draws from torch's global generator, which threads share: what an image gets would
    depend on which thread came first, and dropout's draws on the images.
    """

    def applied(self, square: NDArray[np.uint8], numbers: NDArray[np.float64]) -> NDArray[np.uint8]:
        """An image, uint8 [side, side, 3], behind its operations.

        Each takes two of the ``numbers`` [`NUMBERS`], uniform in [0, 1): which operation, and
        whether it is the negative one, where it has a sign.
        """
        image = torch.from_numpy(np.ascontiguousarray(square)).permute(2, 0, 1)
        names = list(self._AUGMENTATION_SPACE)
        side = square.shape[0]
        for which, sign in numbers.reshape(-1, 2):
            name = names[int(which * len(names))]
            magnitudes, has_sign = self._AUGMENTATION_SPACE[name]
            steps = magnitudes(self.num_magnitude_bins, side, side)
            magnitude = 0.0 if steps is None else float(steps[self.magnitude])
            image = self._apply_image_or_video_transform(
                image,
                name,
                -magnitude if has_sign and sign < 0.5 else magnitude,
                interpolation=self.interpolation,
                fill=self._fill,
            )
        found: NDArray[np.uint8] = image.permute(1, 2, 0).numpy()
        return found


def rand_augment(settings: TrainingSettings) -> SeededRandAugment | None:
    """What `training.augment` asks for beside square and mirror; places left free are the mean."""
    if settings.augment != "rand_augment":
        return None
    return SeededRandAugment(
        OPERATIONS,
        settings.rand_augment_magnitude,
        interpolation=InterpolationMode.BILINEAR,
        fill=[255 * value for value in settings.mean],
    )
