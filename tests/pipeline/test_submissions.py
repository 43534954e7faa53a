"""Jobs of Slurm's, as the profile puts the workflow's together."""

import re
from pathlib import Path

from chain import REPOSITORY

from sjft.layout import Job
from sjft.pipeline.jobs import jobs_of_model
from sjft.pipeline.submissions import (
    SECONDS_A_START,
    Grouping,
    cost_on_cluster,
    grouping_of_profile,
)
from sjft.settings.config import read_configuration
from sjft.settings.merging import merged_values


def test_parts_of_a_group_are_sent_together_and_others_alone() -> None:
    lists = Job("list_images", ())
    first = [Job("build_index", (("shard", str(n)),)) for n in range(5)]
    then = [Job("search_shard", job.values) for job in first]
    jobs = {lists: (), **dict.fromkeys(first, (lists,))}
    jobs |= {job: (before,) for job, before in zip(then, first, strict=True)}
    assert Grouping({}, {}).submissions(jobs) == 11
    apart = Grouping({"build_index": "a", "search_shard": "b"}, {"a": 2, "b": 5})
    assert apart.submissions(jobs) == 1 + 3 + 1
    together = Grouping({"build_index": "a", "search_shard": "a"}, {"a": 2})
    assert together.submissions(jobs) == 1 + 3


def test_imagenet_is_dozens_of_jobs_and_not_a_thousand(tmp_path: Path) -> None:
    values = merged_values([REPOSITORY / "config/config.yaml"])
    jobs = jobs_of_model(read_configuration(values), "indoor67")
    assert len(jobs) > 1500
    assert grouping_of_profile().submissions(jobs) < 75
    # Twice as many starts as jobs; sent together, but few more than jobs.
    alone = SECONDS_A_START * 2 * len(jobs) / 3600
    assert cost_on_cluster(jobs, Grouping({}, {})).count(f"{alone:.2f}") == 2
    found = re.search(r"cost ([\d.]+) core-hours", cost_on_cluster(jobs, grouping_of_profile()))
    assert found
    together = float(found[1])
    assert 0.5 * alone < together < 0.53 * alone
