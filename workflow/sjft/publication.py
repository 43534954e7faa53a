"""Publication: the finished model under torchvision's own names, and its card."""

from pathlib import Path
from typing import Any

import torch

from sjft import __version__
from sjft.files import write_text, written_beside
from sjft.network import JointNetwork, plain_state
from sjft.settings.experiment import ExperimentSettings

KIND, VERSION = "sjft-published-model", 1


def publish_model(
    path: Path, network: JointNetwork, experiment: ExperimentSettings, provenance: dict[str, Any]
) -> None:
    """Write a model that plain torchvision loads, with ``weights_only=True``.

    Keys: ``network`` and ``network_options`` (for `torchvision.models.get_model`), ``classes`` (in
    the order of the scores), ``state_dict`` (torchvision's names, the target's head),
    ``preprocessing`` and ``provenance``.
    """
    training = experiment.training
    # GoogLeNet and Inception are published without their auxiliary classifiers.
    inception = network.name in {"googlenet", "inception_v3"}
    options = {"aux_logits": False, "init_weights": False, "transform_input": True}
    content = {
        "format": KIND,
        "format_version": VERSION,
        "created_by": f"sjft {__version__}",
        "network": network.name,
        "network_options": options if inception else {},
        "classes": network.target_classes,
        "state_dict": plain_state(network),
        "preprocessing": {
            "resize": experiment.evaluation.scales[0],
            "crop": training.input_size,
            "mean": list(training.mean),
            "std": list(training.std),
        },
        "provenance": provenance,
    }
    # Given a path, torch writes that name, a temporary one here, into the file.
    with written_beside(path) as beside, beside.open("wb") as file:
        torch.save(content, file)


def write_model_card(path: Path, name: str, summary: dict[str, Any], provenance: Any) -> None:
    """Write what a stranger has to know about the model, as Markdown."""
    experiment = provenance["experiment"]
    training, evaluation = experiment["training"], experiment["evaluation"]
    published = experiment["publish"]
    text = f"""# Model card: {name}

`model.pt` is a `{training["network"]}` of torchvision with {len(provenance["classes"])} classes,
made by selective joint fine-tuning (Ge and Yu, CVPR 2017) with sjft {__version__}.

| | |
| --- | --- |
| target data set | {experiment["target"]} |
| source data set | {_names(experiment["source"])} |
| retrieval | {experiment["retrieval"]} |
| arm, seed, rounds | {published["arm"]}, {published["seed"]}, {experiment["rounds"]} |
| updates a round, target images an update | {training["updates"]}, \
{training["target_batch"] * training["accumulate"]} |
| input | shorter side to {evaluation["scales"][0]} px, central crop of \
{training["input_size"]} px, RGB in [0, 1], \
mean {training["mean"]}, standard deviation {training["std"]} |

## Accuracy on the split `{evaluation["split"]}`

{summary["table"]}

## Use

```python
import torch, torchvision

content = torch.load("model.pt", weights_only=True)
network = torchvision.models.get_model(
    content["network"], num_classes=len(content["classes"]), **content["network_options"]
)
network.load_state_dict(content["state_dict"])
```

Classes, preprocessing, settings and digests of all inputs are in the same file, under `classes`,
`preprocessing` and `provenance`.
"""
    write_text(path, text)


def _names(source: str | list[str]) -> str:
    return source if isinstance(source, str) else ", ".join(source)
