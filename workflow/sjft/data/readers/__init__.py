"""Readers: from a data set's folder to the list of its images.

A reader is a function of the settings and the folder; a new one is a settings class in
`sjft.settings.datasets` and an entry in `READERS`. Adding one touches no rule.
"""

from sjft.data.readers.folders import read_caltech256, read_image_folder, read_imagenet
from sjft.data.readers.listed import SPLITS, ListedImage, Reader
from sjft.data.readers.paper_sets import read_dogs120, read_flowers102, read_indoor67
from sjft.data.readers.places import read_places
from sjft.data.readers.tables import read_csv, read_generated
from sjft.data.readers.torchvision_sets import read_torchvision

__all__ = ["READERS", "SPLITS", "ListedImage", "read_csv", "read_generated", "read_image_folder"]

READERS: dict[str, Reader] = {
    "image_folder": read_image_folder,
    "csv": read_csv,
    "indoor67": read_indoor67,
    "flowers102": read_flowers102,
    "dogs120": read_dogs120,
    "caltech256": read_caltech256,
    "imagenet": read_imagenet,
    "places205": read_places,
    "places365": read_places,
    "torchvision": read_torchvision,
    "synthetic": read_generated,
    "cameras": read_generated,
}
