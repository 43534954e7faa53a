"""The whole configuration: reading it, and telling the user what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from sjft.errors import UserError
from sjft.layout import RESERVED, SEPARATOR
from sjft.settings.addresses import without_secrets
from sjft.settings.arm import METHOD, Arm
from sjft.settings.arms_of import without_retrieval
from sjft.settings.bank import BankSettings
from sjft.settings.base import Name, Settings
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.dataset import DatasetSettings, Synthetic
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.explanation import choices, explain
from sjft.settings.explorer import ExplorerSettings
from sjft.settings.learned_weights import wrong_starts
from sjft.settings.plain_values import truth_for_numbers, wrong_in_text, wrong_values
from sjft.settings.quoting import shortened, shown
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.training_jobs import TrainingJobSettings
from sjft.settings.wrong_arms import wrong_arms

# Data sets whose rules fetch_NAME would collide with those of the weights.
RESERVED_DATASETS = ("all_weights", "weights")
# Names become folders and files, with an ending or together.
LONGEST_NAME = 100
LONGEST_SOURCES = 255  # of all names of an experiment's sources, which one folder is named by
MOST_PROBLEMS = 40
NEXT_LINE = "\n  - "
WHERE_KEYS_ARE_DESCRIBED = "Every key is described in docs/reference.md."


class Configuration(Settings):
    """Data sets, filter banks, ways of retrieval, and the experiments made of them."""

    data_root: str = Field("data", description="Folder that the data sets' roots are relative to.")
    weights_url: str = Field(
        "https://download.pytorch.org/models",
        pattern=r"^https?://[^/\s]+(/\S*)?$",
        description="Address below which the files of torchvision's weights lie: a mirror has the "
        "same file names.",
    )
    checkpoints: CheckpointSettings = Field(
        default_factory=CheckpointSettings, description="See its own table."
    )
    training_jobs: TrainingJobSettings = Field(
        default_factory=TrainingJobSettings, description="See its own table."
    )
    explorer: ExplorerSettings = Field(
        default_factory=ExplorerSettings, description="See its own table."
    )
    datasets: dict[Name, DatasetSettings] = Field(description="Labelled image collections.")
    banks: dict[Name, BankSettings] = Field(description="Filter banks.")
    retrievals: dict[Name, RetrievalSettings] = Field(description="Ways of finding neighbours.")
    experiments: dict[Name, ExperimentSettings] = Field(description="What can be asked for.")

    @model_validator(mode="after")
    def _names_refer(self) -> Self:
        problems = [
            *self._long_names(),
            *self._wrong_downloads(),
            *(
                f"datasets.{name}: reserved names are {', '.join(RESERVED_DATASETS)}"
                for name in RESERVED_DATASETS
                if name in self.datasets
            ),
            *(p for entry in self.retrievals.items() for p in self._wrong_in_retrieval(*entry)),
            *(p for entry in self.experiments.items() for p in self._wrong_in_experiment(*entry)),
        ]
        if problems:
            raise ValueError(NEXT_LINE.join(problems))
        return self

    def _long_names(self) -> Iterator[str]:
        for section in ("datasets", "banks", "retrievals", "experiments"):
            for name in getattr(self, section):
                if len(name) > LONGEST_NAME:
                    yield (
                        f"{section}: the name {shown(name)} has {len(name)} characters; allowed "
                        f"are {LONGEST_NAME}, since files are named by it"
                    )

    def _wrong_downloads(self) -> Iterator[str]:
        for name, settings in self.datasets.items():
            if not isinstance(settings, Synthetic):
                for place, file in enumerate(settings.downloads):
                    if wrong := wrong_in_text(file.name):
                        key = f"datasets.{name}.downloads.{place}"
                        yield f"{key}: the file's name {shown(file.name)} {wrong}: give `save_as`"

    def _wrong_in_retrieval(self, name: str, retrieval: RetrievalSettings) -> Iterator[str]:
        yield from _must_name(f"retrievals.{name}.bank", retrieval.bank, self.banks)
        weights = retrieval.layer_weights
        if retrieval.bank not in self.banks or weights is None:
            return
        layers = self.banks[retrieval.bank].layer_names
        if set(weights) != set(layers) or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            yield (
                f"retrievals.{name}.layer_weights: give one weight, none negative and not all "
                f"zero, to each layer of bank `{retrieval.bank}`: {', '.join(layers)}"
            )

    def _wrong_in_experiment(self, name: str, experiment: ExperimentSettings) -> Iterator[str]:
        if name in RESERVED:
            yield f"experiments.{name}: reserved names are {', '.join(RESERVED)}"
        yield from _must_name(f"experiments.{name}.target", experiment.target, self.datasets)
        for source in experiment.sources:
            yield from _must_name(f"experiments.{name}.source", source, self.datasets)
        if len(SEPARATOR.join(experiment.sources)) > LONGEST_SOURCES:
            yield (
                f"experiments.{name}.source: the names of the sources have more than "
                f"{LONGEST_SOURCES} characters together: a folder is named by them"
            )
        yield from _must_name(
            f"experiments.{name}.retrieval", experiment.retrieval, self.retrievals
        )
        problems = [f"experiments.{name}.{key}: {told}" for key, told in wrong_arms(experiment)]
        yield from problems or (
            *self._wrong_in_arms(f"experiments.{name}", experiment),
            *wrong_starts(name, self.experiments),
        )

    def _wrong_in_arms(self, key: str, experiment: ExperimentSettings) -> Iterator[str]:
        """What arms, of which each is whole, do not find in the rest of the configuration."""
        if experiment.retrieval not in self.retrievals:
            return
        yield from self._too_many_neighbours(key, experiment.arm(METHOD))
        for name, settings in experiment.arms.items():
            of_arm = f"{key}.arms.{name}"
            if settings.retrieval is not None:
                yield from _must_name(f"{of_arm}.retrieval", settings.retrieval, self.retrievals)
            if not experiment.is_complete(name):  # nobody asks for it
                continue
            arm = experiment.arm(name)
            if arm.retrieval not in self.retrievals:
                continue
            bank = self.banks.get(self.retrievals[arm.retrieval].bank)
            if name == "gabor" and bank is not None and bank.type != "gabor":
                yield (
                    f"{of_arm}.retrieval: the bank of `{arm.retrieval}` is not of `type: gabor`: "
                    "give an arm that searches with another bank another name"
                )
            own = (arm.retrieval, arm.selection.initial_neighbours)
            if arm.selects and own != (
                experiment.retrieval,
                experiment.selection.initial_neighbours,
            ):
                yield from self._too_many_neighbours(of_arm, arm)
        yield from self._wrong_in_fusion(f"{key}.ablation", experiment)

    def _too_many_neighbours(self, key: str, arm: Arm) -> Iterator[str]:
        kept = self.retrievals[arm.retrieval].neighbours_on_file
        if arm.selection.initial_neighbours > kept:
            yield (
                f"{key}.selection.initial_neighbours: {arm.selection.initial_neighbours} "
                f"neighbours are wanted, but retrievals.{arm.retrieval}.neighbours_on_file keeps "
                f"{kept}"
            )

    def _wrong_in_fusion(self, key: str, experiment: ExperimentSettings) -> Iterator[str]:
        for member in experiment.fused:
            other, _, arm = member.rpartition("/")
            theirs = self.experiments.get(other) if other else experiment
            if theirs is None:
                yield from _must_name(f"{key}.fusion", other, self.experiments)
            elif (theirs.target, theirs.evaluation.split) != (
                experiment.target,
                experiment.evaluation.split,
            ):
                yield f"{key}.fusion: `{member}` has another target, or another evaluation.split"
            elif arm not in theirs.arm_names:
                known = choices(arm, theirs.arm_names)
                yield f"{key}.fusion: there is no arm `{shortened(member)}`; {known}"
            elif not any(wrong_arms(theirs)) and not theirs.is_complete(arm):
                yield f"{key}.fusion: `{member}`: {without_retrieval(arm)}"


def _must_name(key: str, name: str, known: Mapping[str, object]) -> Iterator[str]:
    if name not in known:
        yield f"{key}: there is no `{shortened(name)}`; {choices(name, list(known))}"


def read_configuration(raw: Mapping[str, Any]) -> Configuration:
    """Validate ``raw`` (parsed YAML) and fill in the defaults.

    Raises `UserError` that lists every wrong key with what it is, what is allowed, and the nearest
    allowed spelling.
    """
    values = dict(raw)
    if problems := list(wrong_values(values)):
        raise _refusal(problems)
    try:
        configuration = Configuration.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise _refusal([explain(details, values, Configuration) for details in found]) from None
    if problems := list(truth_for_numbers(configuration, values)):
        raise _refusal(problems)
    return configuration


def _refusal(problems: Sequence[str]) -> UserError:
    """All that is wrong in one message, a line each."""
    more = len(problems) - MOST_PROBLEMS
    told = [
        *map(without_secrets, problems[:MOST_PROBLEMS]),
        *([f"and {more} more"] if more > 0 else []),
    ]
    return UserError(
        NEXT_LINE.join(["The configuration cannot be used:", *told])
        + f"\n{WHERE_KEYS_ARE_DESCRIBED}"
    )


def unknown_experiment(name: str, configuration: Configuration) -> str:
    """What to say where an experiment is asked for that the configuration has not got."""
    known = choices(name, list(configuration.experiments))
    return (
        f"There is no experiment `{shortened(name)}`. {known[0].upper()}{known[1:]}. Those of a "
        "file of your own need --configfile FILE as well."
    )
