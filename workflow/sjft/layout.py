"""Where every file of a run lies: each pattern below results/ once, with the rule that makes it.

Wildcards are in braces, as Snakemake has them. A path that is made from a pattern remembers its
job, so that no meaning has to be read out of a path.
"""

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

RESULTS = "results"
SEPARATOR = "+"  # between the names of sources, in a ranking's folder; no name holds it


@dataclass(frozen=True, order=True)
class Job:
    """A job: its rule, and the wildcards' values by name, in the order of the names."""

    rule: str
    values: tuple[tuple[str, str], ...]

    @property
    def names(self) -> dict[str, str]:
        """The wildcards' values by name."""
        return dict(self.values)

    @property
    def log(self) -> str:
        """The job's log file."""
        return log(self.rule).format(**self.names)

    @property
    def benchmark(self) -> str | None:
        """Where Snakemake writes the job's seconds and memory; None where the rule has no such."""
        return benchmark(self.rule).format(**self.names) if self.rule in MEASURED else None


class File(str):
    """A path below results/, and the job that makes it."""

    job: Job

    def __new__(cls, path: str, job: Job) -> "File":
        """The path as a string that also has a ``job``."""
        made = super().__new__(cls, path)
        made.job = job
        return made


class Pattern(str):
    """A path below results/ with wildcards, and the ``rule`` that makes such files."""

    rule: str

    def __new__(cls, rule: str, path: str) -> "Pattern":
        """The pattern; ``path`` is relative to results/."""
        made = super().__new__(cls, f"{RESULTS}/{path}")
        made.rule = rule
        return made

    @property
    def wildcards(self) -> tuple[str, ...]:
        """Their names, in the order in which they stand."""
        return tuple(name for _, name, _, _ in string.Formatter().parse(self) if name)

    def of(self, **values: object) -> File:
        """One such file; raises `KeyError` where a wildcard has no value."""
        names = {name: str(values[name]) for name in self.wildcards}
        return File(self.format(**names), Job(self.rule, tuple(sorted(names.items()))))

    def where(self, **values: str) -> str:
        """The pattern with some wildcards filled in, or under another name: ``"{source}"``."""
        return self.format(**{name: values.get(name, f"{{{name}}}") for name in self.wildcards})


##### data #####

GENERATED = Pattern("generate_images", "datasets/{dataset}/generated")
IMAGES = Pattern("list_images", "datasets/{dataset}/images.csv")
STATE = Pattern("list_images", "datasets/{dataset}/state.json")
HASHES = Pattern("hash_images", "datasets/{dataset}/hashes/{part}/{shard}.h5")
WEIGHTS = Pattern("fetch_weights", "weights/{network}-{weights}.pth")
DESCRIPTORS = Pattern("extract_descriptors", "descriptors/{bank}/{dataset}/{part}/{shard}.h5")
SKIPPED = Pattern("extract_descriptors", "descriptors/{bank}/{dataset}/{part}/{shard}.skipped.csv")

##### retrieval: of a target, and of each source for it #####

_PAIRING = "retrieval/{retrieval}/{target}"
BINS = Pattern("equalise_bins", f"{_PAIRING}/bins.h5")
HISTOGRAMS = Pattern("build_histograms", f"{_PAIRING}/{{dataset}}/histograms/{{part}}/{{shard}}.h5")
PROJECTION = Pattern("fit_projection", f"{_PAIRING}/projection.h5")
INDEX = Pattern("build_index", f"{_PAIRING}/{{source}}/index/{{shard}}.ann")
INDEX_RECORD = Pattern("build_index", f"{_PAIRING}/{{source}}/index/{{shard}}.json")
COPIES_IN_SHARD = Pattern("find_leakage", f"{_PAIRING}/{{source}}/leakage/{{shard}}.csv")
NEAREST_IN_SHARD = Pattern("find_leakage", f"{_PAIRING}/{{source}}/leakage/{{shard}}.h5")
LEAKAGE = Pattern("merge_leakage", f"{_PAIRING}/{{source}}/leakage.csv")
DUPLICATES = Pattern("find_duplicates", f"{_PAIRING}/duplicates.csv")
NEIGHBOURS_IN_SHARD = Pattern("search_shard", f"{_PAIRING}/{{source}}/neighbours/{{shard}}.h5")
NEIGHBOURS = Pattern("merge_neighbours", f"{_PAIRING}/{{source}}/neighbours.h5")
RANKING = Pattern("rank_sources", f"{_PAIRING}/{{sources}}/ranking.h5")

##### runs, and their rounds #####

_RUN = "{experiment}/runs/{arm}-{seed}"
SUBSET = Pattern("select_subset", f"{_RUN}/round-{{round}}/subset.csv")
TARGETS = Pattern("select_subset", f"{_RUN}/round-{{round}}/targets.csv")
PAIRS = Pattern("list_pairs", f"{_RUN}/round-{{round}}/pairs.csv")
MODEL_OF_ROUND = Pattern("finetune", f"{_RUN}/round-{{round}}/model.pt")
HISTORY = Pattern("finetune", f"{_RUN}/round-{{round}}/history.csv")
DIFFICULTY = Pattern("score_difficulty", f"{_RUN}/round-{{round}}/difficulty.csv")
EVALUATION = Pattern("evaluate", f"{_RUN}/evaluation.json")
PREDICTIONS = Pattern("evaluate", f"{_RUN}/predictions.csv")
CLASSES = Pattern("evaluate", f"{_RUN}/classes.csv")
CONFUSION = Pattern("evaluate", f"{_RUN}/confusion.csv")
PROBABILITIES = Pattern("evaluate", f"{_RUN}/probabilities.h5")
VALIDATION = Pattern("validate", f"{_RUN}/validation.json")

##### experiments #####

CHOICE = Pattern("choose", "{experiment}/choice.json")
SUMMARY = Pattern("summarise", "{experiment}/summary.json")
SUMMARY_TABLE = Pattern("summarise", "{experiment}/summary.md")
MODEL = Pattern("publish", "{experiment}/model.pt")
MODEL_CARD = Pattern("publish", "{experiment}/model_card.md")
ABLATION = Pattern("ablate", "{experiment}/ablation.csv")
ABLATION_RUNS = Pattern("ablate", "{experiment}/ablation_runs.csv")
ABLATION_TEXT = Pattern("ablate", "{experiment}/ablation.md")
ABLATION_PLOT = Pattern("ablate", "{experiment}/ablation.svg")
EXPLORER = Pattern("explore", "{experiment}/explorer/index.html")
REPORT = Pattern("describe", "{experiment}/report/index.html")

PATTERNS = tuple(value for value in list(globals().values()) if isinstance(value, Pattern))

##### beside the results #####

# Checkpoints of a round, by the job that trains it; it removes them.
CHECKPOINTS = f"{RESULTS}/checkpoints/{{experiment}}/{{arm}}-{{seed}}/round-{{round}}"

# What `sjft init` and `sjft plan` expect an experiment's jobs to take.
FORECASTS = f"{RESULTS}/benchmarks/forecast"

# What a job is called, below the folder of its rule: its log, and Snakemake's benchmark of it.
_SHARD_OF_SOURCE = "{retrieval}/{target}/{source}/{shard}"
_ROUND = "{experiment}/{arm}-{seed}/round-{round}"
MEASURED = {
    "generate_images": "{dataset}",
    "list_images": "{dataset}",
    "hash_images": "{dataset}/{part}/{shard}",
    "extract_descriptors": "{bank}/{dataset}/{part}/{shard}",
    "equalise_bins": "{retrieval}/{target}",
    "build_histograms": "{retrieval}/{target}/{dataset}/{part}/{shard}",
    "fit_projection": "{retrieval}/{target}",
    "build_index": _SHARD_OF_SOURCE,
    "find_leakage": _SHARD_OF_SOURCE,
    "merge_leakage": "{retrieval}/{target}/{source}",
    "find_duplicates": "{retrieval}/{target}",
    "search_shard": _SHARD_OF_SOURCE,
    "merge_neighbours": "{retrieval}/{target}/{source}",
    "rank_sources": "{retrieval}/{target}/{sources}",
    "select_subset": _ROUND,
    "list_pairs": _ROUND,
    "finetune": _ROUND,
    "score_difficulty": _ROUND,
    "evaluate": "{experiment}/{arm}-{seed}",
    "validate": "{experiment}/{arm}-{seed}",
    "explore": "{experiment}",
    "describe": "{experiment}",
}
# These depend on the network, or are over at once: their time says nothing.
NOT_MEASURED = {
    "fetch_dataset": "{dataset}",
    "fetch_weights": "{network}-{weights}",
    "choose": "{experiment}",
    "summarise": "{experiment}",
    "publish": "{experiment}",
    "ablate": "{experiment}",
}


def log(rule: str) -> str:
    """The pattern of a rule's log files."""
    return f"{RESULTS}/logs/{rule}/{(MEASURED | NOT_MEASURED)[rule]}.log"


def benchmark(rule: str) -> str:
    """The pattern of a rule's benchmark files; raises `KeyError` for a rule that has none."""
    return f"{RESULTS}/benchmarks/{rule}/{MEASURED[rule]}.tsv"


def _folders() -> Iterator[str]:
    """The folders right below results/ that belong to no experiment."""
    for path in (*PATTERNS, CHECKPOINTS, log("publish"), benchmark("evaluate")):
        first = path.removeprefix(f"{RESULTS}/").partition("/")[0]
        if "{" not in first:
            yield first


# Names that no experiment can have: its folder would be one of these.
RESERVED = tuple(sorted(set(_folders())))


def job_of(path: str) -> Job | None:
    """The job that makes a file which a user names, also one of a workflow around this one.

    None for what no rule makes, and for what is not below a folder results/.
    """
    for pattern in PATTERNS:
        if found := _expression(pattern).fullmatch(path):
            return Job(pattern.rule, tuple(sorted(found.groupdict().items())))
    return None


NUMBERS: Mapping[str, str] = {"seed": r"\d+", "round": r"\d+", "shard": r"\d{4}"}


@cache
def _expression(pattern: Pattern) -> re.Pattern[str]:
    parts = [r"(?:.*/)?"]
    for text, name, _, _ in string.Formatter().parse(pattern):
        parts.append(re.escape(text))
        if name:
            parts.append(f"(?P<{name}>{NUMBERS.get(name, '[^/]+')})")
    return re.compile("".join(parts))
