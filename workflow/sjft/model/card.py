"""The model card: what a stranger has to know about a published model, as Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sjft.networks.architecture import maker
from sjft.reports.conclusion import opening
from sjft.reports.duplicated import without_duplicates
from sjft.reports.names import visible
from sjft.reports.summary import render_table
from sjft.settings.weights import TIMM
from sjft.settings.yaml_file import as_yaml
from sjft.storage.files import write_text
from sjft.storage.markdown import aligned, cell
from sjft.wording import counted

# More classes than this are folded away.
CLASSES_SHOWN = 20
SHARES = {"mean_class_accuracy": "mean class accuracy", "accuracy": "top-1 accuracy"}
CODE = """\
import torch, torchvision
from PIL import Image
from torchvision.transforms import v2

content = torch.load("model.pt", weights_only=True)
network = torchvision.models.get_model(
    content["network"], num_classes=len(content["classes"]), **content["network_options"]
)
network.load_state_dict(content["state_dict"])

seen = content["preprocessing"]
prepare = v2.Compose(
    [
        v2.Resize(seen["resize"]),
        v2.CenterCrop(seen["crop"]),
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(seen["mean"], seen["std"]),
    ]
)
with torch.inference_mode():
    image = prepare(Image.open("photo.jpg").convert("RGB"))
    probabilities = network.eval()(image[None]).softmax(1)[0]
print(content["classes"][probabilities.argmax()], float(probabilities.max()))
"""


def write_model_card(
    path: Path,
    name: str,
    provenance: Mapping[str, Any],
    classes: list[Mapping[str, Any]],
    summary: Mapping[str, Any],
) -> None:
    """Write the card of experiment ``name``.

    ``provenance`` is the model's own, ``classes`` each class's accuracy as evaluation.json has it,
    ``summary`` the experiment's. The same arguments make the same bytes.
    """
    sections = (
        f"# Model card: {name}\n\n{opening(summary)}",
        _beginning(provenance["settings"]["experiments"][name], provenance, summary),
        _use(provenance["settings"]["experiments"][name], provenance["training"]),
        _data(provenance),
        _training(provenance["settings"]["experiments"][name], provenance),
        _accuracy(provenance["metrics"], classes),
        f"## Selection, and the arms compared\n\n{render_table(summary)}",
        _origin(provenance),
        _rights(provenance["data"]),
    )
    write_text(path, "\n\n".join(sections) + "\n")


def _code(network: str) -> str:
    """How to use the model without this program."""
    if not network.startswith(TIMM):
        return CODE
    return (
        CODE.replace("import torch, torchvision", "import timm, torch")
        .replace("torchvision.models.get_model", "timm.create_model")
        .replace('content["network"],', f'content["network"].removeprefix("{TIMM}"),')
    )


def _table(*rows: list[str]) -> str:
    return "\n".join(aligned(list(rows)))


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _beginning(
    experiment: Mapping[str, Any], provenance: Mapping[str, Any], summary: Mapping[str, Any]
) -> str:
    target = provenance["data"][experiment["target"]]
    metrics, split = provenance["metrics"], provenance["metrics"]["split"]
    name = provenance["training"]["network"]
    return f"""`model.pt` is a `{name.removeprefix(TIMM)}` of {maker(name)} that tells \
{target["classes"]} classes apart: {100 * metrics["mean_class_accuracy"]:.1f} % mean class \
accuracy on the {counted(metrics["images"], "image")} of the split `{split}` of \
`{experiment["target"]}`\
{_without_duplicates(experiment, provenance, summary)}. The method is \
{provenance["arm"]["title"]} (Ge and Yu, CVPR 2017), the program sjft \
{provenance["versions"]["sjft"]}.

**Meant for** images like those of `{experiment["target"]}`, each of one of its classes. \
**Not for** anything else: it names one of its classes for any image, one that shows none of \
them too, and a high probability is no proof. The accuracies below hold for images taken and \
chosen as the test images were; measure again on your own before you rely on them, and do not \
decide over people by them."""


def _without_duplicates(
    experiment: Mapping[str, Any], provenance: Mapping[str, Any], summary: Mapping[str, Any]
) -> str:
    """What the accuracy is without test images that stand in training, where there are any."""
    of_arm = summary["arms"].get(provenance["arm"]["name"], {"runs": []})["runs"]
    own = [run for run in of_arm if run["seed"] == experiment["publish"]["seed"]]
    found = without_duplicates(own[0]) if own else None
    if found is None:
        return ""
    share = f"{100 * found['mean_class_accuracy']:.1f} %"
    return f", {share} on the {found['test_images']} of them of which no training image is a copy"


def _use(experiment: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    evaluation, size = experiment["evaluation"], training["input_size"]
    scales = ", ".join(map(str, evaluation["scales"]))
    crops = {"centre": "the central crop", "five": "the central and the four corner crops"}
    mirrored = " and their mirror images" if evaluation["mirror"] else ""
    return f"""## Use

```sh
sjft predict model.pt photo.jpg more/photos/
sjft export model.pt --format onnx
```

or with {maker(training["network"])} alone:

```python
{_code(training["network"])}```

These lines see one view of an image: the shorter side resized to {evaluation["scales"][0]} px, \
the central {size} x {size} px, RGB in [0, 1] less the mean, divided by the standard deviation. \
The accuracies were measured, and `sjft predict` works, with the mean probability of all views: \
shorter side {scales} px, {crops[evaluation["crops"]]} of {size} x {size} px{mirrored}."""


def _data(provenance: Mapping[str, Any]) -> str:
    rows = [["data set", "role", "classes", "images", "trained on"]]
    for place, (name, numbers) in enumerate(provenance["data"].items()):
        images = ", ".join(f"{number:,} {split}" for split, number in numbers["images"].items())
        used = ", ".join(
            (
                counted(numbers["used_images"], "image"),
                counted(numbers["used_classes"], "class", "classes"),
            )
        )
        role = "source" if place else "target"
        rows.append([name, role, f"{numbers['classes']:,}", images, used])
    return f"## Data\n\n{_table(*rows)}"


def _training(experiment: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    published, training, arm = experiment["publish"], provenance["training"], provenance["arm"]
    weights, size = training["weights"], training["input_size"]
    origin = {
        "torchvision": f"torchvision's {weights.get('name')}",
        "file": f"the file {weights.get('path')}",
        "random": f"random, seed {weights.get('seed')}",
        "experiment": f"what the experiment `{weights.get('experiment')}` learned",
    }[weights["source"]]
    rows = [
        ["what", "value"],
        ["network, first weights", f"{training['network']}, {origin}"],
        ["arm, seed", f"{arm['name']}, {published['seed']}"],
        ["rounds, updates a round", f"{experiment['rounds']}, {training['updates']:,}"],
        ["target images an update", f"{training['target_batch'] * training['accumulate']:,}"],
        ["learning rate at first", f"{training['learning_rate']:g}"],
        ["crop, from a shorter side of", "{} px, {} to {} px".format(size, *training["resize"])],
    ]
    if arm["sources"] == "neighbours":
        first = arm["selection"]["initial_neighbours"]
        rows.append(["neighbours of each target image at first", f"{first:,}"])
    below = "Every setting that decides the result stands further down."
    return f"## Training\n\n{_table(*rows)}\n\n{below}"


def _accuracy(metrics: Mapping[str, Any], classes: list[Mapping[str, Any]]) -> str:
    rows = [["figure", "value"]]
    shares_first = sorted(metrics.items(), key=lambda item: item[0] not in SHARES)
    for key, value in shares_first:
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        share = f"{100 * value:.1f} %" if key in SHARES else shown
        rows.append([SHARES.get(key, key.replace("_", " ")), share])
    of_classes = [["class", "images", "accuracy"]] + [
        [
            cell(visible(str(row["class_name"]))),
            str(row["images"]),
            "-" if row["accuracy"] is None else f"{100 * row['accuracy']:.1f} %",
        ]
        for row in classes
    ]
    table = _table(*of_classes)
    if len(classes) > CLASSES_SHOWN:
        table = _folded(f"Each of the {len(classes)} classes", table)
    return f"## Accuracy\n\n{_table(*rows)}\n\n{table}"


def _origin(provenance: Mapping[str, Any]) -> str:
    digests = {**provenance["inputs"], **{f"code of {k}": v for k, v in provenance["code"].items()}}
    inputs = _table(["input", "digest"], *([k, f"`{v}`"] for k, v in digests.items()))
    versions = ", ".join(f"{name} {number}" for name, number in provenance["versions"].items())
    settings = f"```yaml\n{as_yaml(provenance['settings'])}```"
    return f"""## Where it comes from

Made with {versions}. The same is in `model.pt`, under `provenance`; `sjft inspect model.pt` \
shows it.

{_folded("Digests of what it was made from (BLAKE2b)", inputs)}

{_folded("Every setting that decides the result, as a configuration file", settings)}"""


def _rights(data: Mapping[str, Mapping[str, Any]]) -> str:
    names = ", ".join(f"`{name}`" for name, numbers in data.items() if numbers["used_images"])
    return f"""## Rights, and citation

The program is under the MIT licence. That says nothing of the weights: they were learnt from \
images of {names} and from whatever the first weights were trained on, each under terms of its \
own (ImageNet's images, for example, are given for non-commercial research and education). Read \
those terms before you pass the model on or sell what it does.

Please cite: Weifeng Ge and Yizhou Yu, *Borrowing Treasures from the Wealthy: Deep Transfer \
Learning through Selective Joint Fine-tuning*, CVPR 2017, arXiv 1702.08690."""
