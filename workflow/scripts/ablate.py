"""Compare all arms of an experiment, seed by seed and image by image."""

from pathlib import Path

from job_runner import Job, run
from sjft.reports.ablation_files import AblatedRun, Ablation, write_ablation


def main(job: Job) -> None:
    """Name the files of each run and of each fused member; write the tables and the plot."""
    files, params = job.input, job.params
    of_runs = zip(params.runs, files.probabilities, files.subsets, strict=True)
    runs = [AblatedRun(a, s, Path(found), Path(subset)) for (a, s), found, subset in of_runs]
    seeds = [seed for seed in params.seeds for _ in params.fused]
    members = list(zip(seeds, map(Path, files.fused), strict=True))
    fused = {seed: [path for of_seed, path in members if of_seed == seed] for seed in seeds}
    name = job.wildcards.experiment
    known = (name, runs, fused, params.arms, params.split, params.paper)
    ablation = Ablation(*known, Path(files.duplicates) if files.duplicates else None)
    write_ablation(ablation, **{key: Path(path) for key, path in job.output.items()})


if __name__ == "__main__":
    run(main)
