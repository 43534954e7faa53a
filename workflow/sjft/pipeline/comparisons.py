"""What the rules that compare runs are told, as plain values."""

from pathlib import Path
from typing import Any

from sjft.pipeline import run_inputs, runs
from sjft.reports.paper import paper_figures
from sjft.settings.config import Configuration
from sjft.settings.weights import name_of_weights


def _told(found: list[runs.Run]) -> list[tuple[str, int]]:
    return [(run.arm, run.seed) for run in found]


##### the summary #####


def compared(c: Configuration, experiment: str) -> list[tuple[str, int]]:
    """Arm and seed of the published run, and of those that it is compared with."""
    return _told(runs.compared_runs(c, experiment))


def validated(c: Configuration, experiment: str) -> list[tuple[str, int]]:
    """Arm and seed of the runs by which the published arm is chosen."""
    return _told(runs.validated_runs(c, experiment))


def candidates(c: Configuration, experiment: str) -> dict[str, str]:
    """The arms that may be published, each with what tells its first weights' file, or ''."""
    arms = [run.arm for run in runs.candidate_runs(c, experiment)]
    weights = {arm: run_inputs.first_weights(c, experiment, arm) for arm in arms}
    return {arm: name_of_weights(Path(file)) if file else "" for arm, file in weights.items()}


def published(c: Configuration, experiment: str) -> str | None:
    """The arm that is published; None where it is chosen."""
    publish = c.experiments[experiment].publish
    return None if publish.is_chosen else publish.arm


def sources(c: Configuration, experiment: str) -> list[str]:
    """The sources, in their order."""
    return list(c.experiments[experiment].sources)


def shards(c: Configuration, experiment: str) -> list[int]:
    """How many shards the target and each source have, in this order."""
    names = c.experiments[experiment].target, *sources(c, experiment)
    return [c.datasets[name].shards for name in names]


def skipped_of(c: Configuration, experiment: str) -> list[str]:
    """The data set that each of the summary's lists of skipped images is of."""
    return [f.job.names["dataset"] for f in run_inputs.skipped_in_training(c, experiment)]


def backend(c: Configuration, experiment: str) -> str:
    """What the experiment's own retrieval searches with."""
    return c.retrievals[c.experiments[experiment].retrieval].backend


def leaves_out_duplicates(c: Configuration, experiment: str) -> bool:
    """Whether figures leave out the test images that stand in training."""
    return c.experiments[experiment].publish.leave_out_duplicates


##### the ablation #####


def of_ablation(c: Configuration, experiment: str) -> list[tuple[str, int]]:
    """Arm and seed of all rows but the fused one."""
    return _told(runs.ablation_runs(c, experiment))


def seeds(c: Configuration, experiment: str) -> list[int]:
    """The seeds that each arm is run with."""
    return list(c.experiments[experiment].ablation.seeds)


def fused(c: Configuration, experiment: str) -> list[str]:
    """The members whose probabilities are averaged; none where there is no row `fusion`."""
    return list(c.experiments[experiment].fused)


def rows_of_ablation(c: Configuration, experiment: str) -> dict[str, dict[str, Any]]:
    """Title and reference of each arm, and its updates of all rounds, in the table's order."""
    settings = c.experiments[experiment]
    arms = [runs.arm_of(c, experiment, name) for name in settings.ablation_arms]
    return {
        arm.name: {
            "title": arm.title,
            "against": arm.against,
            "updates": settings.rounds * arm.training.updates,
        }
        for arm in arms
    }


def split(c: Configuration, experiment: str) -> str:
    """The split that is evaluated."""
    return c.experiments[experiment].evaluation.split


def figures_of_paper(c: Configuration, experiment: str) -> dict[str, float]:
    """The paper's, where the target is one of its own."""
    settings = c.experiments[experiment]
    return paper_figures(
        c.datasets[settings.target], [c.datasets[source] for source in settings.sources]
    )
