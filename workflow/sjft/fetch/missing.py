"""What must be on disk before an experiment can run."""

import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from sjft.fetch.receipt import WORK_FOLDER
from sjft.settings.config import Configuration
from sjft.settings.dataset import FilesOnDisk, Synthetic
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import FileWeights, Weights


def missing_data(
    configuration: Configuration,
    experiments: Iterable[str],
    arms: Mapping[str, Iterable[str]] | None = None,
    untrained: Collection[str] = (),
) -> str | None:
    """What these experiments lack, where it is looked for and how to get it; or None.

    ``arms`` says which of an experiment's are run, where these are not all that it names. Of the
    ``untrained`` nothing is wanted but their first subsets: training's own files may be missing.
    """
    root = Path(configuration.data_root)
    found: dict[str, str] = {}
    for name in experiments:
        experiment = configuration.experiments[name]
        for dataset in (experiment.target, *experiment.sources):
            found |= _missing_dataset(configuration, dataset, root)
        trained = name not in untrained
        found |= _missing_of_retrieval(configuration, experiment.retrieval, root)
        if trained:
            found |= _missing_of_training(configuration, name, root)
        for arm in (arms or {}).get(name, experiment.named_arms):
            if experiment.is_complete(arm):
                retrieval = experiment.arm(arm).retrieval
                found |= _missing_of_retrieval(configuration, retrieval, root)
                if trained:
                    found |= _missing_of_arm(configuration, name, arm, root)
    return _told(found, root)


def missing_dataset(configuration: Configuration, name: str) -> str | None:
    """The same of one data set: what is asked of it alone needs no other, and no weights."""
    root = Path(configuration.data_root)
    return _told(_missing_dataset(configuration, name, root), root)


def missing_of_bank(configuration: Configuration, name: str) -> str | None:
    """The same of one filter bank: its file of weights."""
    root = Path(configuration.data_root)
    return _told(_missing_of_bank(configuration, name, root), root)


def _told(found: Mapping[str, str], root: Path) -> str | None:
    if not found:
        return None
    lines = "\n".join(f"  - {line}" for line in found.values())
    return (
        f"Some data is not there:\n{lines}\n"
        f"Paths are relative to data_root, now {root.resolve()}. Set it in config/config.yaml, by "
        "the environment variable SJFT_DATA_ROOT, or with --config data_root=FOLDER. The folder "
        "layouts are described in docs/readers.md."
    )


def _missing_dataset(configuration: Configuration, name: str, root: Path) -> dict[str, str]:
    settings = configuration.datasets[name]
    if isinstance(settings, Synthetic):
        return {}
    folder = root / settings.root
    missing = list(missing_parts(settings, folder))
    if not missing:
        return {}
    how = " ".join(settings.how_to_get.split())
    if settings.downloads:
        how = f"Get it with `snakemake --cores 1 fetch_{name}`. {how}".strip()
    return {name: f"data set `{name}`: {', '.join(missing)}. {how or 'Put your images there.'}"}


def missing_parts(settings: FilesOnDisk, folder: Path) -> Iterator[str]:
    """What a data set's folder lacks of what its publisher's archives always have, in words."""
    if missing := _no_folder(folder):
        yield missing
        return
    if (folder / WORK_FOLDER).exists():
        yield (
            "it is not fetched completely: fetch it again (or, where you have laid out the data "
            f"yourself, remove {folder / WORK_FOLDER})"
        )
    for name in settings.image_folders:
        if missing := _no_folder(folder / name):
            yield missing
    for name in settings.listing_files:
        if missing := _no_file(folder / name):
            yield missing


def _missing_of_training(configuration: Configuration, name: str, root: Path) -> dict[str, str]:
    training, key = configuration.experiments[name].training, f"experiments.{name}.training"
    return {
        **_missing_weights(f"{key}.weights", training.weights, root),
        **_missing_classes(f"{key}.source_head_classes", training, root),
    }


def _missing_of_arm(
    configuration: Configuration, name: str, arm: str, root: Path
) -> dict[str, str]:
    """What an arm's training needs beside the experiment's own."""
    experiment = configuration.experiments[name]
    own, training = experiment.training, experiment.arm(arm).training
    key = f"experiments.{name}.arms.{arm}.training"
    found: dict[str, str] = {}
    if training.weights != own.weights:
        found |= _missing_weights(f"{key}.weights", training.weights, root)
    if training.source_head_classes != own.source_head_classes:
        found |= _missing_classes(f"{key}.source_head_classes", training, root)
    return found


def _missing_of_retrieval(
    configuration: Configuration, retrieval: str, root: Path
) -> dict[str, str]:
    return _missing_of_bank(configuration, configuration.retrievals[retrieval].bank, root)


def _missing_of_bank(configuration: Configuration, name: str, root: Path) -> dict[str, str]:
    bank = configuration.banks[name]
    return _missing_weights(f"banks.{name}.weights", bank.weights_or_none, root)


def _missing_classes(key: str, training: TrainingSettings, root: Path) -> dict[str, str]:
    listed = training.source_head_classes
    if listed is None or not (missing := _no_file(root / listed)):
        return {}
    return {key: f"classes `{key}`: {missing}."}


def _missing_weights(key: str, weights: Weights | None, root: Path) -> dict[str, str]:
    if not isinstance(weights, FileWeights) or not (missing := _no_file(root / weights.path)):
        return {}
    return {key: f"weights `{key}`: {missing}."}


def _no_folder(path: Path) -> str | None:
    return _lacking("folder", path, stat.S_ISDIR)


def _no_file(path: Path) -> str | None:
    return _lacking("file", path, stat.S_ISREG)


def _lacking(kind: str, path: Path, is_kind: Callable[[int], bool]) -> str | None:
    """Why something of a kind cannot be found at a path, in words; None where it is there."""
    try:
        return None if is_kind(path.stat().st_mode) else f"{path} is no {kind}"
    except (FileNotFoundError, NotADirectoryError):
        return f"no {kind} {path}"
    except OSError as error:  # a name that is too long, or no right to look
        return f"no {kind} {path} ({error.strerror})"


def file_state(path: Path) -> str:
    """Size and time of a file: changes when it is replaced."""
    state = path.stat()
    return f"{state.st_size} bytes, {state.st_mtime_ns}"
