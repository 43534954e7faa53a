"""The whole configuration: reading it, and telling the user what is wrong with it."""

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from sjft.addresses import without_secrets
from sjft.errors import UserError
from sjft.settings.bank import BankSettings
from sjft.settings.base import Name, Settings
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.dataset import DatasetSettings
from sjft.settings.experiment import GABOR_NEEDED, ExperimentSettings
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.training_jobs import TrainingJobSettings

# Folders under results/ that an experiment's name would collide with.
RESERVED = ("benchmarks", "checkpoints", "datasets", "descriptors", "logs", "retrieval", "weights")
# Data sets whose rules fetch_NAME would collide with those of the weights.
RESERVED_DATASETS = ("all_weights", "weights")
NEXT_LINE = "\n  - "


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
    datasets: dict[Name, DatasetSettings] = Field(description="Labelled image collections.")
    banks: dict[Name, BankSettings] = Field(description="Filter banks.")
    retrievals: dict[Name, RetrievalSettings] = Field(description="Ways of finding neighbours.")
    experiments: dict[Name, ExperimentSettings] = Field(description="What can be asked for.")

    @model_validator(mode="after")
    def _names_refer(self) -> Self:
        problems = [
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

    def _wrong_in_retrieval(self, name: str, retrieval: RetrievalSettings) -> Iterator[str]:
        yield from _must_name(f"retrievals.{name}.bank", retrieval.bank, self.banks)
        weights = retrieval.layer_weights
        if retrieval.bank not in self.banks or weights is None:
            return
        layers = getattr(self.banks[retrieval.bank], "layers", ("gabor",))
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
        yield from _must_name(
            f"experiments.{name}.retrieval", experiment.retrieval, self.retrievals
        )
        if experiment.retrieval not in self.retrievals:
            return
        kept = self.retrievals[experiment.retrieval].neighbours_on_file
        if experiment.selection.initial_neighbours > kept:
            yield (
                f"experiments.{name}.selection.initial_neighbours: "
                f"{experiment.selection.initial_neighbours} neighbours are wanted, but "
                f"retrievals.{experiment.retrieval}.neighbours_on_file keeps {kept}"
            )
        yield from self._wrong_in_ablation(f"experiments.{name}.ablation", experiment)

    def _wrong_in_ablation(self, key: str, experiment: ExperimentSettings) -> Iterator[str]:
        name = experiment.ablation.gabor_retrieval
        if name is not None:
            yield from _must_name(f"{key}.gabor_retrieval", name, self.retrievals)
            found = self.retrievals.get(name)
            if found and found.bank in self.banks and self.banks[found.bank].type != "gabor":
                yield f"{key}.gabor_retrieval: the bank of `{name}` is not of `type: gabor`"
            if found and experiment.selection.initial_neighbours > found.neighbours_on_file:
                yield (
                    f"{key}.gabor_retrieval: `{name}` keeps {found.neighbours_on_file} neighbours, "
                    f"fewer than selection.initial_neighbours "
                    f"({experiment.selection.initial_neighbours})"
                )
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
            elif arm == "gabor" and theirs.ablation.gabor_retrieval is None:
                yield f"{key}.fusion: `{member}`: {GABOR_NEEDED}"


def _must_name(key: str, name: str, known: Mapping[str, object]) -> Iterator[str]:
    if name not in known:
        yield f"{key}: there is no `{name}`; {_choices(name, list(known))}"


def read_configuration(raw: Mapping[str, Any], *, data_root: str | None = None) -> Configuration:
    """Validate ``raw`` (parsed YAML) and fill in the defaults.

    ``data_root``, where given, replaces the configured one. Raises `UserError` that lists every
    wrong key with what it is, what is allowed, and the nearest allowed spelling.
    """
    values = dict(raw) if data_root is None else {**raw, "data_root": data_root}
    try:
        return Configuration.model_validate(values)
    except ValidationError as error:
        problems = [without_secrets(_explain(each, values)) for each in error.errors()]
        raise UserError(
            NEXT_LINE.join(["The configuration cannot be used:", *problems]) + "\n"
            "Every key is described in config/README.md."
        ) from None


def _explain(details: ErrorDetails, raw: Mapping[str, Any]) -> str:
    location = details["loc"]
    key = ".".join(_path_in_file(location, raw))
    if details["type"] == "extra_forbidden":
        allowed = list(_model_at(location[:-1]).model_fields)
        return f"{key}: unknown key; {_choices(str(location[-1]), allowed)}"
    if details["type"] == "missing":
        return f"{'.'.join(filter(None, [key, str(location[-1])]))}: this key is required"
    if details["type"] == "union_tag_not_found":
        return f"{key}: the key {details['ctx']['discriminator']} is required"
    if details["type"] == "value_error":
        message = details["msg"].removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    return f"{key}: {details['msg']}, got {details['input']!r}"


def _choices(name: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, allowed, n=1)
    guess = f"did you mean `{near[0]}`? " if near else ""
    return f"{guess}Allowed: {', '.join(allowed)}"


def _path_in_file(location: tuple[int | str, ...], raw: object) -> list[str]:
    """The location as it is written in the file: without the tags of pydantic's unions."""
    path = []
    value: Any = raw
    for part in location:
        in_mapping = isinstance(value, Mapping) and part in value
        if in_mapping or (isinstance(value, list | tuple) and part in range(len(value))):
            value = value[part]
            path.append(str(part))
    return path


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that stands at a location of a pydantic error."""
    kind: Any = Configuration
    for part in location:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif get_origin(kind) is tuple:
            kind = get_args(kind)[0]
        else:  # a union: the part is the tag of one of its members
            kind = next(m for m in _members(kind) if part in _tags(m))
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        kind = next(m for m in _members(kind) if issubclass(m, BaseModel))
    model: type[BaseModel] = kind
    return model


def _members(kind: object) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [m for m in get_args(kind) if m is not types.NoneType]
    return [kind]


def _tags(model: type[BaseModel]) -> set[str]:
    return {
        tag
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
        for tag in get_args(field.annotation)
    }
