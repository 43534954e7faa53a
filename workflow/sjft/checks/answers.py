"""Questions about networks, each asked once: what was answered is kept beside its question.

Loading torch takes seconds, and `snakemake` is called often: where it is not loaded, another
process is asked, and only where settings, weights, versions or this program have changed since.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sjft.checks.asked import Asked
from sjft.checks.finding import Finding
from sjft.checks.numbers import Counted
from sjft.checks.values import banks_of
from sjft.descriptors.banks import BANKS
from sjft.errors import UserError
from sjft.fetch.missing import file_state
from sjft.pipeline.fingerprint import Fingerprints
from sjft.settings.arm import Arm
from sjft.settings.arms_of import ancestry, given
from sjft.settings.config import Configuration
from sjft.settings.dataset import Synthetic
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.learned_weights import learned_by
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import FileWeights, RandomWeights, Weights
from sjft.storage.files import digest_of_text, read_json, write_json

NETWORKS = Path(__file__).with_name("networks.py")
ANSWERS = Path(".snakemake")  # where what is known of networks is kept
KEPT = "checked_networks.json"
ANSWERING = """
from sjft.loading import loading
with loading():
    from sjft.checks.networks import main
main()
"""
MOST_KEPT = 500


@dataclass(frozen=True)
class Question:
    """``asks`` are plain values, see `sjft.checks.networks`; answers belong below ``key``.

    ``arms`` is whom it concerns, where that may not be all of an experiment's; ``places`` says
    which keys stand below another one than ``key``.
    """

    key: str
    asks: Mapping[str, Any]
    arms: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)


def questions_of(
    configuration: Configuration, asked: Asked, counted: Mapping[str, Counted]
) -> Iterator[Question]:
    """All that has to be known about the networks and banks of an experiment.

    Whether the source's head knows its classes is asked where these have been ``counted``.
    """
    experiment = configuration.experiments[asked.name]
    root = Path(configuration.data_root)
    key = f"experiments.{asked.name}"
    of_arms: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for arm in asked.complete(experiment):
        for asks in _of_arm(configuration, experiment, arm, counted):
            of_arms.setdefault(json.dumps(asks), (asks, []))[1].append(arm.name)
    for asks, arms in of_arms.values():
        concerned = tuple(arms) if asks["ask"] == "training" else ()
        places = _places(key, experiment, arms[0])
        yield Question(f"{key}.training", asks, concerned, places)
    for name in banks_of(configuration, asked):
        bank = configuration.banks[name]
        used = bank.weights_or_none
        weights = {} if used is None else _of_weights(used, root)
        yield Question(f"banks.{name}", {"ask": "bank", "bank": bank.deciding, **weights})
    for name in (experiment.target, *experiment.sources):
        made = configuration.datasets[name]
        if isinstance(made, Synthetic):
            asks = {"ask": "images", "contents": made.contents, "styles": made.styles}
            yield Question(f"datasets.{name}", asks)


def _places(key: str, experiment: ExperimentSettings, arm: str) -> dict[str, str]:
    """Which keys of its training an arm has from an entry of its own, or of one it starts from."""
    return {
        changed: f"{key}.arms.{each}.training"
        for each in ancestry(arm, experiment.arms)
        if each in experiment.arms
        for changed in given(experiment.arms[each].training)
    }


def _of_arm(
    configuration: Configuration,
    experiment: ExperimentSettings,
    arm: Arm,
    counted: Mapping[str, Counted],
) -> Iterator[dict[str, Any]]:
    root = Path(configuration.data_root)
    scratch = isinstance(arm.training.weights, RandomWeights)
    yield _of_training(arm.training, arm.with_sources, scratch, root)
    pretrained = arm.training.source_head == "pretrained" and arm.with_sources
    learned = learned_by(arm)
    told = [] if learned is None else [configuration.experiments[learned].target]
    if pretrained and counted.keys() >= {*experiment.sources, *told}:
        named = list(counted[told[0]].classes) if told else None
        asks = _of_source_head(arm.training, experiment.sources, root, counted)
        yield {**asks, "classifier": named}


def _of_training(
    training: TrainingSettings, with_sources: bool, scratch: bool, root: Path
) -> dict[str, Any]:
    share = training.target_batch // training.processes
    return {
        "ask": "training",
        "network": training.network,
        "input_size": training.input_size,
        "targets": share,
        "sources": training.sources // training.processes if with_sources else 0,
        "batch_norm": training.batch_norm,
        "scratch": scratch,
        "processes": training.processes,
        **_of_weights(training.weights, root),
    }


def _of_source_head(
    training: TrainingSettings, sources: Sequence[str], root: Path, counted: Mapping[str, Counted]
) -> dict[str, Any]:
    listed = training.source_head_classes
    file = root / listed if listed is not None and (root / listed).is_file() else None
    return {
        "ask": "source_head",
        "network": training.network,
        "sources": {name: list(counted[name].classes) for name in sources},
        "listed": file and str(file.resolve()),
        "state_of_list": file and file_state(file),
        **_of_weights(training.weights, root),
    }


def _of_weights(weights: Weights, root: Path) -> dict[str, Any]:
    """The weights, and their file where it is here, which is another one after a change."""
    asks: dict[str, Any] = {"weights": weights.model_dump(mode="json"), "file": None, "state": ""}
    if isinstance(weights, FileWeights) and (root / weights.path).is_file():
        file = root / weights.path
        asks |= {"file": str(file.resolve()), "state": file_state(file)}
    return asks


def findings_of(
    questions: Sequence[Question], answers: Sequence[Sequence[Sequence[str]]]
) -> Iterator[Finding]:
    """What the answers mean for the configuration; of what some arms meet alone, they are named."""
    all_arms: dict[str, set[str]] = {}
    concerned: dict[tuple[str, str, str, str], list[str]] = {}
    for question, answer in zip(questions, answers, strict=True):
        all_arms.setdefault(question.key, set()).update(question.arms)
        for key, message in answer:
            below = question.places.get(key.partition(".")[0], question.key)
            concerned.setdefault((question.key, below, key, message), []).extend(question.arms)
    for (asked_of, below, key, message), arms in concerned.items():
        some = bool(arms) and set(arms) != all_arms[asked_of]
        whose = f" (in {', '.join(f'`{arm}`' for arm in arms)})" if some else ""
        yield Finding(f"{below}.{key}", f"{message}{whose}")


def answers_to(
    questions: Sequence[Question], folder: Path | None
) -> tuple[list[list[tuple[str, str]]], str | None]:
    """The answers in the order of the questions, from ``folder`` where they are known.

    New ones are kept there, if that can be done. Where nobody can answer, torch being absent, why
    not, and no answers.
    """
    known = _read(folder)
    versions = [_version("torch"), _version("torchvision"), _version("timm")]
    code = Fingerprints()
    digests = [
        digest_of_text(
            json.dumps([[code.of(NETWORKS, _bank_of(q)), *versions], q.asks], sort_keys=True)
        )
        for q in questions
    ]
    new = {d: q.asks for d, q in zip(digests, questions, strict=True) if d not in known}
    if new:
        said, why_not = _ask(json.dumps(list(new.values())))
        if why_not is not None:
            return [], why_not
        known |= dict(zip(new, said, strict=True))
        _keep(folder, known)
    return [[(key, message) for key, message in known[digest]] for digest in digests], None


def _bank_of(question: Question) -> str | None:
    """The module of the bank that is asked: it is loaded by name, so that no import tells of it."""
    return BANKS[question.asks["bank"]["type"]] if question.asks["ask"] == "bank" else None


def _ask(questions: str) -> tuple[list[Any], str | None]:
    """The answers to a JSON list, or why there are none."""
    if "torch" in sys.modules:
        from sjft.checks.networks import answer  # noqa: PLC0415  (nothing more is to be loaded)

        return [answer(question) for question in json.loads(questions)], None
    done = subprocess.run(
        [sys.executable, "-c", ANSWERING],
        input=questions,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return [], (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
    return json.loads(done.stdout), None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _read(folder: Path | None) -> dict[str, Any]:
    """What was answered before; nothing where the file is not there, or not as it was written."""
    try:
        return read_json(folder / KEPT) if folder else {}
    except UserError:
        return {}


def _keep(folder: Path | None, known: dict[str, Any]) -> None:
    """Write down the last answers. A folder that cannot be written to costs time alone."""
    if folder is None:
        return
    with contextlib.suppress(UserError):
        write_json(folder / KEPT, dict(list(known.items())[-MOST_KEPT:]))
