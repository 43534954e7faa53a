"""Where images and weights come from, as plain values for jobs."""

from typing import Any

from sjft import layout
from sjft.data.state import NOT_FOR_THE_LIST
from sjft.pipeline import runs
from sjft.settings.config import Configuration
from sjft.settings.dataset import Synthetic
from sjft.settings.image_limits import ImageLimits

Place = dict[str, str]


def place_of(c: Configuration, dataset: str) -> Place:
    """Where the images of a data set lie: the same wherever data and results are put."""
    settings = c.datasets[dataset]
    if settings.generated:
        return {"generated": str(layout.GENERATED.of(dataset=dataset))}
    assert not isinstance(settings, Synthetic)
    return {"root": settings.root}


def place_of_target(c: Configuration, experiment: str) -> Place:
    """Where the images of an experiment's target lie."""
    return place_of(c, c.experiments[experiment].target)


def places_of_run(c: Configuration, experiment: str, arm: str) -> dict[str, Any]:
    """Where the images lie: the target's, and each source's that the arm uses."""
    sources = runs.sources_of(c, experiment, arm)
    return {
        "target": place_of_target(c, experiment),
        "sources": {source: place_of(c, source) for source in sources},
    }


def places_of_experiment(c: Configuration, experiment: str) -> dict[str, Any]:
    """Where the target's and all sources' images lie."""
    sources = c.experiments[experiment].sources
    return {
        "target": place_of_target(c, experiment),
        "sources": {source: place_of(c, source) for source in sources},
    }


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
    """What decides the list: not what to do with bad images, nor where the data come from."""
    values = c.datasets[dataset].model_dump(mode="json")
    return {key: value for key, value in values.items() if key not in NOT_FOR_THE_LIST}


def beside_the_list(c: Configuration) -> dict[str, dict[str, Any]]:
    """By data set, what is no reason to list the images again, but needed by the job that does."""
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
