"""The source's head from the pre-trained classifier, where the weights were trained on the source.

A new head has to learn what the classifier knows already, and disturbs the trunk until it does.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sjft.data.table import class_names, read_images
from sjft.errors import UserError
from sjft.wording import counted

KEY = "training.source_head_classes"


@dataclass(frozen=True)
class ClassifierClasses:
    """What the rows of a pre-trained classifier stand for, as far as it is known.

    ``listed`` are class names row by row, where there is such a list; ``of_sources`` all class
    names of each source. Without a list, the source that has as many classes as the classifier is
    the one that it was trained on, and rows are in the order of the names, as torchvision has it.
    """

    listed: Sequence[str] | None
    of_sources: Mapping[str, Sequence[str]]

    def rows_of(self, source_classes: Sequence[str], rows: int) -> dict[int, int]:
        """For places in the head of ``source_classes`` the row, of ``rows``, of the same class.

        Names are as in subset.csv: ``<source>/<class>`` where there are several sources. Raises
        `UserError` where the rows' classes are not known, or none of them is a source class.
        """
        several = len(self.of_sources) > 1
        known = {
            f"{source}/{name}" if several else name: row
            for source, names in self._by_source(rows).items()
            for row, name in enumerate(names)
        }
        found = {}
        for place, name in enumerate(source_classes):
            # What a list of names calls `n01440764 tench` is in this list by its first word.
            row = known.get(name, known.get(name.split(" ")[0]) if self.listed else None)
            if row is not None:
                found[place] = row
        if not found:
            raise UserError(
                f"{KEY}: none of the source's classes ({_some(source_classes)}) is among those of "
                f"the pre-trained classifier ({_some(list(known))}). Name a file with the "
                "classifier's classes as the source calls them, or set training.source_head: new."
            )
        return found

    def _by_source(self, rows: int) -> dict[str, Sequence[str]]:
        """The classifier's classes, row by row, under each source that may have them."""
        if self.listed is not None:
            if len(self.listed) != rows:
                named = counted(len(self.listed), "class", "classes")
                raise UserError(
                    f"{KEY}: the file names {named}, but the classifier of "
                    f"training.weights has {rows}. Give one line to each of its rows."
                )
            return dict.fromkeys(self.of_sources, self.listed)
        fitting = [source for source, names in self.of_sources.items() if len(names) == rows]
        if len(fitting) != 1:
            numbers = ", ".join(f"{s} has {len(names)}" for s, names in self.of_sources.items())
            raise UserError(
                "training.source_head: the classifier of training.weights has "
                f"{counted(rows, 'class', 'classes')}, which cannot be told from the source's "
                f"({numbers}). Name a file with its classes, row by row, in {KEY}, or set "
                "training.source_head: new."
            )
        return {fitting[0]: sorted(self.of_sources[fitting[0]])}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def read_classifier_classes(
    listed: Path | None, images: Mapping[str, Path], trained_on: Path | None = None
) -> ClassifierClasses:
    """Read the list, where there is one, and each source's images.csv; see `read_class_list`.

    Without a list, the images.csv of what the classifier was ``trained_on`` names the classes.
    """
    named = None if trained_on is None else class_names(read_images(trained_on))
    return ClassifierClasses(
        named if listed is None else read_class_list(listed),
        {source: class_names(read_images(path)) for source, path in images.items()},
    )


def read_class_list(path: Path) -> list[str]:
    """The first word of each line that is not empty; raises `UserError` for no such file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{KEY}: {path} cannot be read ({error}).") from None
    names = [line.split()[0] for line in lines if line.split()]
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if not names or twice:
        raise UserError(
            f"{KEY}: {path} "
            + (f"names {twice} twice." if twice else "is empty.")
            + " It needs one line for each row of the classifier, and the name as its first word."
        )
    return names


def copy_rows(classifier: nn.Module, head: nn.Module, rows: Mapping[int, int]) -> None:
    """Copy weights, and biases where there are any: ``rows`` says which row goes to which place."""
    places, came_from = list(rows), list(rows.values())
    old = classifier.state_dict()
    with torch.no_grad():
        for name, tensor in head.state_dict().items():
            tensor[places] = old[name][came_from]
