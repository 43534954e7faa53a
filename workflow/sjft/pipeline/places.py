"""Where images and weights come from, as plain values for jobs."""

from pathlib import Path
from typing import Any

from sjft import layout
from sjft.data.state import NOT_FOR_THE_LIST
from sjft.pipeline import runs
from sjft.settings.config import Configuration
from sjft.settings.dataset import Synthetic
from sjft.settings.image_limits import ImageLimits


def image_folders(c: Configuration) -> dict[str, str]:
    """By data set, the folder that the images' paths start from.

    Images that the program makes lie below the working folder, all others below the data root; an
    absolute ``root`` stands for itself.
    """
    return {name: str(_image_folder(c, name)) for name in c.datasets}


def _image_folder(c: Configuration, dataset: str) -> Path:
    settings = c.datasets[dataset]
    if settings.generated:
        return Path(layout.GENERATED.of(dataset=dataset))
    assert not isinstance(settings, Synthetic)
    return Path(c.data_root) / settings.root


def datasets_of_run(c: Configuration, experiment: str, arm: str) -> list[str]:
    """Whose images a run opens: the target's, and those of each source that the arm uses."""
    return [c.experiments[experiment].target, *runs.sources_of(c, experiment, arm)]


def datasets_of_experiment(c: Configuration, experiment: str) -> list[str]:
    """The target, and all sources."""
    return [c.experiments[experiment].target, *c.experiments[experiment].sources]


def means_of_rounds(c: Configuration) -> dict[str, Any]:
    """What `sjft.training.finetune.RoundMeans` says, with a pattern for the folder."""
    return {
        "data_root": c.data_root,
        "jobs": c.training_jobs.model_dump(mode="json"),
        "checkpoints": c.checkpoints.model_dump(mode="json"),
        "folder": layout.CHECKPOINTS,
    }


def fetchable(c: Configuration) -> list[str]:
    """The data sets that can be downloaded, or of which is told how to get them."""
    return [
        name
        for name, settings in c.datasets.items()
        if not isinstance(settings, Synthetic)
        and not settings.generated
        and (settings.downloads or settings.how_to_get)
    ]


def listing_settings(c: Configuration, dataset: str) -> dict[str, Any]:
    """What decides the list: not what to do with bad images, nor where data are or come from."""
    values = c.datasets[dataset].model_dump(mode="json")
    return {key: value for key, value in values.items() if key not in NOT_FOR_THE_LIST}


def beside_the_list(c: Configuration) -> dict[str, dict[str, Any]]:
    """By data set, what is no reason to list or make images again, but needed by jobs that do."""
    return {
        name: settings.model_dump(mode="json", include=set(NOT_FOR_THE_LIST))
        for name, settings in c.datasets.items()
    }


def largest_image(c: Configuration, dataset: str) -> float | str | None:
    """The limit that a listed image may be over; empty for generated ones, which have none."""
    return getattr(c.datasets[dataset], "largest_image", "")


def largest_that_is_taken(c: Configuration, dataset: str) -> float | str | None:
    """Likewise, where larger images are left out; else they end the job.

    Empty for the usual limit, so that `on_bad_image: skip` alone is no reason.
    """
    limit = largest_image(c, dataset)
    left_out = c.datasets[dataset].on_bad_image == "skip"
    return limit if left_out and limit != ImageLimits().largest_image else ""
