"""All jobs behind a file, by what each rule reads: the same that the rules ask for."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sjft import layout
from sjft.layout import File, Job
from sjft.pipeline import explorer_files, inputs, report_files, run_inputs, runs
from sjft.pipeline.inputs import Files
from sjft.settings.config import Configuration

Jobs = dict[Job, tuple[Job, ...]]

# By rule; the others, which make images or fetch, read nothing.
READS: Mapping[str, Callable[..., Files]] = {
    "list_images": inputs.list_images,
    "hash_images": inputs.hash_images,
    "extract_descriptors": inputs.extract_descriptors,
    "equalise_bins": inputs.equalise_bins,
    "build_histograms": inputs.build_histograms,
    "fit_projection": inputs.fit_projection,
    "build_index": inputs.build_index,
    "find_leakage": inputs.find_leakage,
    "merge_leakage": inputs.merge_leakage,
    "find_duplicates": inputs.find_duplicates,
    "search_shard": inputs.search_shard,
    "merge_neighbours": inputs.merge_neighbours,
    "rank_sources": inputs.rank_sources,
    "select_subset": run_inputs.select_subset,
    "list_pairs": run_inputs.list_pairs,
    "finetune": run_inputs.finetune,
    "score_difficulty": run_inputs.score_difficulty,
    "evaluate": run_inputs.evaluate,
    "validate": run_inputs.validate,
    "choose": run_inputs.choose,
    "summarise": run_inputs.summarise,
    "publish": run_inputs.publish,
    "ablate": run_inputs.ablate,
    "explore": explorer_files.explore,
    "describe": report_files.describe,
}


def files_read_by(c: Configuration, job: Job) -> list[File]:
    """All files that a job reads."""
    if job.rule not in READS:
        return []
    names: dict[str, Any] = job.names
    named = READS[job.rule](c, **names)
    return [f for found in named.values() for f in ([found] if isinstance(found, File) else found)]


def jobs_behind(c: Configuration, files: Iterable[File], given: Iterable[File] = ()) -> Jobs:
    """All jobs that make these files, each with those that it waits for, which come before it.

    What is ``given`` is taken to be there.
    """
    found: Jobs = {}
    there = {file.job for file in given}

    def ask(job: Job) -> None:
        if job not in found:
            reads = dict.fromkeys(file.job for file in files_read_by(c, job))
            before = tuple(other for other in reads if other not in there)
            for other in before:
                ask(other)
            found[job] = before

    for file in files:
        ask(file.job)
    return found


def jobs_of_model(c: Configuration, experiment: str) -> Jobs:
    """All jobs behind the model that an experiment publishes."""
    return jobs_behind(c, [layout.MODEL.of(experiment=experiment)])


def jobs_from_models(c: Configuration, experiment: str, files: Iterable[File]) -> Jobs:
    """All jobs behind an experiment's files, but for those of the models that it starts from."""
    there: list[File] = []
    for other in runs.learned_before(c, [experiment]):
        there += [layout.MODEL.of(experiment=other), *run_inputs.deciding_weights(c, other)]
    return jobs_behind(c, files, there)


def among(jobs: Jobs, rules: Collection[str]) -> Jobs:
    """The jobs of some rules alone, each with those of them that it waits for through others."""
    nearest: dict[Job, tuple[Job, ...]] = {}
    for job, before in jobs.items():
        ahead = (near for b in before for near in ([b] if b.rule in rules else nearest[b]))
        nearest[job] = tuple(dict.fromkeys(ahead))
    return {job: before for job, before in nearest.items() if job.rule in rules}
