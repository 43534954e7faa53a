"""Published models, looked into."""

from pathlib import Path

from torch import Tensor

from sjft.model.file import described, misfit, read_published
from sjft.networks.architecture import maker
from sjft.networks.inspection import plot_of_weights, sizes_of, weights_are_finite
from sjft.settings.weights import TIMM
from sjft.storage.inspection import Inspection, Values
from sjft.storage.sanity import Check, each_once


def inspect_published(path: Path) -> Inspection:
    """What a published model.pt holds; raises `UserError` for any other file."""
    content = read_published(path)
    state: dict[str, Tensor] = content["state_dict"]
    classes, seen = content["classes"], content["preprocessing"]
    provenance = content["provenance"]
    text = described(content)
    return Inspection(
        kind="published model",
        what=f"A plain {maker(content['network'])} network with its classes and preprocessing, and "
        "what it was made from.",
        settings={"network": content["network"], "preprocessing": seen},
        inputs=provenance["inputs"],
        sizes={**sizes_of(state), "classes": len(classes), **_numbers(provenance["metrics"])},
        checks=[
            weights_are_finite(state),
            each_once("classes", classes),
            _fits(content),
            Check("accuracies lie between 0 and 1", _beyond(provenance["metrics"])),
            Check("the preprocessing is one that can be done", _impossible(seen)),
        ],
        plot=lambda: plot_of_weights(state),
        text=text,
    )


def _numbers(metrics: Values) -> Values:
    return {name: metrics[name] for name in ("mean_class_accuracy", "accuracy") if name in metrics}


def _fits(content: Values) -> Check:
    """The weights are those, by name and shape, of the plain network with these classes."""
    whose = f"{maker(content['network'])}'s {content['network'].removeprefix(TIMM)}"
    return Check(f"{whose} of so many classes takes the weights", misfit(content))


def _beyond(metrics: Values) -> str | None:
    odd = [f"{n}: {v}" for n, v in _numbers(metrics).items() if not 0 <= v <= 1]
    return "; ".join(odd) or None


def _impossible(seen: Values) -> str | None:
    if not all(value > 0 for value in seen["std"]):
        return f"std is {seen['std']}"
    if not 0 < seen["crop"] <= seen["resize"]:
        return f"a crop of {seen['crop']} px is cut from {seen['resize']} px"
    return None
