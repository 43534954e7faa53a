"""What must be on disk before an experiment can run."""

import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sjft.fetch.receipt import WORK_FOLDER
from sjft.settings.bank import CnnBank
from sjft.settings.config import Configuration
from sjft.settings.dataset import FilesOnDisk, Synthetic
from sjft.settings.weights import FileWeights, Weights


def missing_data(configuration: Configuration, experiments: Iterable[str]) -> str | None:
    """What these experiments lack, where it is looked for and how to get it; or None."""
    root = Path(configuration.data_root)
    found: dict[str, str] = {}
    for name in experiments:
        experiment = configuration.experiments[name]
        for dataset in (experiment.target, *experiment.sources):
            found |= _missing_dataset(configuration, dataset, root)
        bank = configuration.banks[configuration.retrievals[experiment.retrieval].bank]
        for key, weights in (
            (f"experiments.{name}.training.weights", experiment.training.weights),
            (f"banks.{configuration.retrievals[experiment.retrieval].bank}.weights",
             bank.weights if isinstance(bank, CnnBank) else None),
        ):  # fmt: skip
            found |= _missing_weights(key, weights, root)
        listed = experiment.training.source_head_classes
        if listed is not None and (missing := _no_file(root / listed)):
            key = f"experiments.{name}.training.source_head_classes"
            found[key] = f"classes `{key}`: {missing}."
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
