"""Data sets: where the images are and how they are split; a kind for each reader."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from sjft.settings.datasets.folders import Caltech256, ImageFolder, ImageNet
from sjft.settings.datasets.made import CameraName, Cameras, Synthetic
from sjft.settings.datasets.paper_sets import Dogs120, Flowers102, Indoor67
from sjft.settings.datasets.places import Places205, Places365
from sjft.settings.datasets.tables import CsvList
from sjft.settings.datasets.torchvision_sets import TorchvisionSet

__all__ = [
    "Caltech256",
    "CameraName",
    "Cameras",
    "CsvList",
    "DatasetSettings",
    "Dogs120",
    "FilesOnDisk",
    "Flowers102",
    "ImageFolder",
    "ImageNet",
    "Indoor67",
    "Places205",
    "Places365",
    "Synthetic",
    "TorchvisionSet",
    "dataset_settings",
]

FilesOnDisk = (
    ImageFolder
    | CsvList
    | Indoor67
    | Flowers102
    | Dogs120
    | Caltech256
    | ImageNet
    | Places205
    | Places365
    | TorchvisionSet
    | Cameras
)
DatasetSettings = Annotated[FilesOnDisk | Synthetic, Field(discriminator="reader")]


def dataset_settings(values: Mapping[str, Any]) -> DatasetSettings:
    """The settings of a data set from plain values, by their `reader`."""
    settings: DatasetSettings = TypeAdapter(DatasetSettings).validate_python(values)
    return settings
