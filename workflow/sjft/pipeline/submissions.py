"""How many of Slurm's jobs the workflow's jobs are, as the profile puts them together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sjft.pipeline.jobs import Jobs
from sjft.settings.yaml_file import read_yaml

# Below the folder `workflow`.
PROFILE = Path(__file__).parents[2] / "profiles/slurm/config.yaml"
# Of a processor (docs/cluster.md). On nodes Snakemake starts once for each of Slurm's jobs, and
# once more for each job in it.
SECONDS_A_START = 1.25


@dataclass(frozen=True)
class Grouping:
    """The group of each rule that is in one, and how many parts a group of Slurm's holds.

    A part is a job with what waits for it in the same group.
    """

    of_rule: Mapping[str, str]
    parts: Mapping[str, int]

    def submissions(self, jobs: Jobs) -> int:
        """How many jobs of Slurm's these are."""
        found: Counter[str] = Counter()
        alone = 0
        for job, before in jobs.items():
            group = self.of_rule.get(job.rule)
            if group is None:
                alone += 1
            elif all(self.of_rule.get(other.rule) != group for other in before):
                found[group] += 1
        return alone + sum(-(-n // self.parts.get(group, 1)) for group, n in found.items())


def grouping_of_profile(path: Path = PROFILE) -> Grouping:
    """The groups of a profile for Slurm; raises `UserError` where it cannot be read."""
    values = read_yaml(path)
    return Grouping(values.get("groups", {}), values.get("group-components", {}))


def cost_on_cluster(jobs: Jobs, grouping: Grouping) -> str:
    """In words, what starting the jobs costs on a cluster, and what it would without groups."""
    sent = grouping.submissions(jobs)
    hours = SECONDS_A_START * (sent + len(jobs)) / 3600
    ungrouped = SECONDS_A_START * 2 * len(jobs) / 3600
    return (
        f"By the Slurm profile these {len(jobs)} jobs are {sent} of Slurm's: Snakemake's starts "
        f"on the nodes cost {hours:.2f} core-hours more, and {ungrouped:.2f} if none were put "
        "together."
    )
