"""Export: a published model in the formats of other programs, each checked before it is kept.

| format | what it is | needs |
| --- | --- | --- |
| onnx | the network as a graph, weights included, for any ONNX runtime | the extra `export` |
| torchscript | the network as a traced module; PyTorch calls the format deprecated | nothing |
| safetensors | the weights alone, under the plain network's names | the extra `export` |

All take float32 [batch, 3, crop, crop], normalised, and give class scores, whose softmax are the
probabilities. All carry what the model's file says beside its weights, as JSON under one key of
their metadata, `FACTS` (safetensors writes several keys in an order that changes).
"""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from sjft.errors import UserError
from sjft.model.file import PublishedModel, plain_network
from sjft.networks.preprocess import normalised
from sjft.networks.pretrained import completed_state
from sjft.storage.files import written_beside

# Of scores, as a share of the largest: other orders of summing in float32 stay well below.
TOLERANCE = 1e-4
CHECKED_BATCHES = (1, 3)
INPUT, OUTPUT, FACTS = "images", "scores", "sjft"

Scores = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Format:
    """A way of writing a model, and of computing scores from what was written."""

    suffix: str
    packages: tuple[str, ...]
    write: Callable[[PublishedModel, Path], None]
    load: Callable[[Path], Scores]


@dataclass(frozen=True)
class Exported:
    """A written file, and how far its scores are from the model's own on random images."""

    path: Path
    difference: float
    largest_score: float

    def __str__(self) -> str:
        """One line for the terminal."""
        batches = " and ".join(map(str, CHECKED_BATCHES))
        return (
            f"{self.path}: {self.path.stat().st_size / 1e6:.1f} MB; scores of random images, in "
            f"batches of {batches}, are the model's within {self.difference:.1e} (the largest is "
            f"{self.largest_score:.1e})."
        )


def export_model(model: PublishedModel, name: str, path: Path) -> Exported:
    """Write ``model`` in format ``name``, a key of `FORMATS`, read it back, and compare the scores.

    Raises `UserError` for packages that are not installed, a network that the format cannot hold,
    and scores that are off by more than `TOLERANCE`; no file is left then.
    """
    chosen = FORMATS[name]
    missing = [package for package in chosen.packages if find_spec(package) is None]
    if missing:
        raise UserError(
            f"--format {name}: needs {', '.join(missing)}, not installed here. In the folder of "
            "pyproject.toml: `python -m pip install --editable '.[export]'`."
        )
    with written_beside(path) as beside, _quiet():
        chosen.write(model, beside)
        difference, largest = _compare(model, chosen.load(beside))
        if not difference <= TOLERANCE * largest:  # nor NaN
            raise UserError(
                f"--format {name}: the exported network's scores differ from the model's by "
                f"{difference:.1e}, of scores up to {largest:.1e}. Nothing was written."
            )
    return Exported(path, difference, largest)


@torch.inference_mode()
def _compare(model: PublishedModel, exported: Scores) -> tuple[float, float]:
    """Largest difference of scores on random images, and the largest score."""
    generator = torch.Generator().manual_seed(0)
    differences, scores = [], []
    for batch in CHECKED_BATCHES:
        inputs = random_inputs(model, batch, generator)
        own = model.network(inputs)
        differences.append((exported(inputs) - own).abs().max())
        scores.append(own.abs().max())
    return float(torch.stack(differences).max()), float(torch.stack(scores).max())


def random_inputs(model: PublishedModel, batch: int, generator: torch.Generator) -> Tensor:
    """Images of noise as the model takes them: float32 [batch, 3, crop, crop]."""
    known = model.preprocessing
    shape = (batch, 3, known["crop"], known["crop"])
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return normalised(pixels, tuple(known["mean"]), tuple(known["std"]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's remarks on its own tracing, and on the age of TorchScript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _facts(model: PublishedModel) -> dict[str, str]:
    return {FACTS: json.dumps(model.facts, ensure_ascii=False)}


def _example(model: PublishedModel) -> Tensor:
    # Of two images: an axis of length one would be taken for one that is always so.
    return random_inputs(model, 2, torch.Generator().manual_seed(0))


def _write_onnx(model: PublishedModel, path: Path) -> None:
    try:
        program = torch.onnx.export(
            model.network,
            (_example(model),),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"--format onnx: torch cannot export a {model.facts['network']} ({reason}). Try "
            "--format torchscript."
        ) from None
    assert program is not None
    graph = program.model.graph
    graph.metadata_props.clear()
    for node in graph.all_nodes():  # tracebacks, with the paths of this machine
        node.metadata_props.clear()
    program.model.metadata_props.update(_facts(model))
    program.save(path, external_data=False)
    # Beyond what one file of the format holds, torch puts the weights beside it all the same.
    beside = path.with_name(f"{path.name}.data")
    if beside.exists():
        beside.unlink()
        raise UserError(
            f"--format onnx: a {model.facts['network']} has more weights than one file of the "
            "format holds. Try --format torchscript or safetensors."
        )


def _load_onnx(path: Path) -> Scores:
    import onnxruntime  # noqa: PLC0415  (of the extra `export`)

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda inputs: torch.from_numpy(session.run([OUTPUT], {INPUT: inputs.numpy()})[0])


def _write_torchscript(model: PublishedModel, path: Path) -> None:
    traced = torch.jit.trace(  # type: ignore[no-untyped-call]
        model.network, _example(model), check_trace=False
    )
    # Given a path, torch writes that name, a temporary one here, into the file.
    with path.open("wb") as file:
        torch.jit.save(traced, file, _extra_files=_facts(model))


def _load_torchscript(path: Path) -> Scores:
    module: Scores = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    return module


def _write_safetensors(model: PublishedModel, path: Path) -> None:
    from safetensors.torch import save  # noqa: PLC0415

    # Written here: what stands in its way, safetensors says in words of its own.
    path.write_bytes(save(model.network.state_dict(), metadata=_facts(model)))


def _load_safetensors(path: Path) -> Scores:
    from safetensors import safe_open  # noqa: PLC0415

    with safe_open(path, framework="pt") as file:
        network = plain_network(json.loads(file.metadata()[FACTS]))
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    # The format has no place for torch's layout versions, and MNASNet refuses to do without.
    network.load_state_dict(completed_state(state, network.state_dict()))
    return network.eval()


FORMATS = {
    "onnx": Format(".onnx", ("onnx", "onnxscript", "onnxruntime"), _write_onnx, _load_onnx),
    "torchscript": Format(".torchscript", (), _write_torchscript, _load_torchscript),
    "safetensors": Format(".safetensors", ("safetensors",), _write_safetensors, _load_safetensors),
}
