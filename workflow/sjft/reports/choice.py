"""The choice of the arm that is published, by a split that is not the one which is reported."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from statistics import fmean

from sjft.errors import NotAsWrittenError, UserError
from sjft.reports.unreadable import skipped_of, told_unreadable
from sjft.reports.untested import told_untested
from sjft.reports.verdict import points
from sjft.settings.arm import WITHOUT_SOURCE
from sjft.settings.splits import VALIDATION_SPLIT
from sjft.storage.files import read_json, write_json
from sjft.wording import counted

# Accuracies are shares of images: what differs by less was added up in another order.
EQUAL = 1e-9


@dataclass(frozen=True)
class Choice:
    """The arm that is published, and why, in one sentence; no reason where it was named."""

    arm: str
    reason: str | None = None


def best_arm(
    accuracies: Mapping[str, Sequence[float]],
    split: str = VALIDATION_SPLIT,
    images: int | None = None,
) -> Choice:
    """The arm with the best mean class accuracy on ``split``, a mean over its seeds.

    ``accuracies`` are shares by arm, one for each seed, of so many ``images``. Of equal arms
    fine-tuning without a source is taken, the simplest, else the first. Raises `UserError` where
    there is nothing to choose by: no arm, no figure of an arm, or one that is no share.
    """
    if not accuracies:
        raise UserError(
            f"publish: {{arm: best}} chooses by the split `{split}`, and no arm was evaluated on "
            "it. Give the target such a split (`random_split: {val: 0.2}`, for example), or name "
            "the arm."
        )
    for arm, values in accuracies.items():
        if not values or not all(0 <= value <= 1 for value in values):
            told = ", ".join(map(str, values)) or "none"
            raise UserError(
                f"publish: {{arm: best}}: the accuracies of `{arm}` on the split `{split}` are "
                f"{told}; one share from 0 to 1 is expected of each seed. Evaluate it anew, or "
                "name the arm."
            )
    means = {arm: fmean(values) for arm, values in accuracies.items()}
    ranked = _ranked(means)
    best, *others = ranked
    equal = list(takewhile(lambda arm: means[best] - means[arm] <= EQUAL, others))
    where = f"the split `{split}`"
    if images is not None:  # a point is an image of a hundred, and nothing where there are twenty
        where = f"the {counted(images, 'image')} of {where}"
    figure = f"{points(means[best])} % mean class accuracy on {where}"
    if not others:
        return Choice(best, f"`{best}` is published: it is the only arm, with {figure}.")
    if equal:
        *first, last = (f"`{arm}`" for arm in (best, *equal))
        names = f"{', '.join(first)} and {last}"
        why = "it needs no source" if best == WITHOUT_SOURCE else "it stands first"
        return Choice(best, f"`{best}` is published: {names} have {figure}, and {why}.")
    next_ones = ", ".join(f"`{arm}` {points(means[arm])}" for arm in others)
    return Choice(best, f"`{best}` is published: it has the best, {figure}; {next_ones}.")


def _ranked(means: Mapping[str, float]) -> list[str]:
    """Best first; of equal ones fine-tuning, and then the order of ``means``."""
    simplest_first = sorted(means, key=lambda arm: arm != WITHOUT_SOURCE)
    best = max(means.values())
    equal = [arm for arm in simplest_first if best - means[arm] <= EQUAL]
    others = [arm for arm in simplest_first if arm not in equal]
    return equal + sorted(others, key=lambda arm: -means[arm])


def warning_of_choice(
    published: str,
    accuracies: Mapping[str, Sequence[float]],
    split: str,
    is_behind: Callable[[str], bool] = lambda _: True,
) -> str | None:
    """A warning where another of the compared arms is better than the one that is published.

    ``accuracies`` as in `best_arm`, on the ``split`` that the choice was made on, or where the arm
    was named in the configuration, on the one that is reported. ``is_behind`` says whether the
    published arm is told from another one, the best, or what lies between them may be chance. None
    where it is the best, or as good, or was not evaluated there.
    """
    if published not in accuracies:
        return None
    choice = best_arm(accuracies, split)
    means = {arm: fmean(values) for arm, values in accuracies.items()}
    best, own = means[choice.arm], means[published]
    if best - own <= EQUAL:
        return None
    place = 1 + sum(mean - own > EQUAL for mean in means.values())
    of_all = "the worst" if own - min(means.values()) <= EQUAL else f"number {place}"
    chance = "" if is_behind(choice.arm) else ", which may be chance"
    return (
        f"The published arm `{published}` is {of_all} of the {len(means)} compared on the split "
        f"`{split}`: {points(own)} %, and `{choice.arm}` {points(best)} %{chance}. "
        "`publish: {arm: best}` chooses by the validation split."
    )


##### on file #####


def write_choice(path: Path, runs: Iterable[tuple[str, int, Path]]) -> Choice:
    """Choose by each run's validation.json (arm, seed, file) and write it down.

    The reason ends with the images that could not be read, where there are any.
    Raises `UserError` where a file is of another split: nothing else may choose.
    """
    accuracies: dict[str, dict[str, float]] = {}
    all_measured = []
    for arm, seed, file in runs:
        measured = read_json(file)
        all_measured.append(measured)
        if measured.get("split") != VALIDATION_SPLIT:
            raise UserError(
                f"{file}: is of the split `{measured.get('split')}`; an arm is chosen by "
                f"`{VALIDATION_SPLIT}` alone. Remove the file, and give the command again."
            )
        accuracies.setdefault(arm, {})[str(seed)] = measured["mean_class_accuracy"]
    images = max((measured.get("images", 0) for measured in all_measured), default=0)
    by_arm = {arm: list(by_seed.values()) for arm, by_seed in accuracies.items()}
    choice = best_arm(by_arm, images=images or None)
    classes = all_measured[0].get("classes", [])  # the same of all: there is one, or no choice
    if untested := [str(of["class_name"]) for of in classes if not of["images"]]:
        told = told_untested(untested, VALIDATION_SPLIT)
        choice = Choice(choice.arm, f"{choice.reason} {told}")
    if skipped := skipped_of(all_measured):
        told = told_unreadable(skipped, f"the split `{VALIDATION_SPLIT}`", "this choice")
        choice = Choice(choice.arm, f"{choice.reason} {told}")
    content = {"arm": choice.arm, "reason": choice.reason, "split": VALIDATION_SPLIT}
    write_json(path, content | {"mean_class_accuracy": accuracies})
    return choice


def read_choice(path: Path) -> Choice:
    """Read what `write_choice` wrote; raises `UserError` for any other file."""
    try:
        content = read_json(path)
        return Choice(content["arm"], content["reason"])
    except (NotAsWrittenError, KeyError) as error:
        told = f"{path}: is no choice of an arm, or not as it was written. {error}"
        raise UserError(told) from None


def published_arm(candidates: Sequence[str], choice: Path | None) -> str:
    """The chosen one of the candidates, or the only one where nothing is chosen."""
    if choice is None:
        (arm,) = candidates
        return arm
    chosen = read_choice(choice).arm
    if chosen not in candidates:
        known = ", ".join(f"`{arm}`" for arm in candidates)
        raise UserError(f"{choice}: names the arm `{chosen}`, which is none of {known}.")
    return chosen
