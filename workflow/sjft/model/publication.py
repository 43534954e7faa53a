"""Publication: the finished model under torchvision's own names."""

import json
from pathlib import Path
from typing import Any

from sjft import __version__
from sjft.networks.joint import JointNetwork, plain_state
from sjft.settings.evaluation import EvaluationSettings
from sjft.settings.training import TrainingSettings
from sjft.storage.torch_file import write_torch

KIND, VERSION = "sjft-published-model", 3
WITHOUT_CHECKSUM = 2  # the same but for the checksum that the file ends with


def publish_model(
    path: Path,
    network: JointNetwork,
    training: TrainingSettings,
    evaluation: EvaluationSettings,
    provenance: dict[str, Any],
) -> None:
    """Write a model that plain torchvision, or timm, loads, with ``weights_only=True``.

    ``training`` is the published arm's own.
    Keys: ``network`` and ``network_options`` (for `torchvision.models.get_model`, or behind `timm/`
    for `timm.create_model`), ``classes`` (in the order of the scores), ``state_dict`` (the plain
    network's names, the target's head),
    ``preprocessing`` and ``provenance``. In ``preprocessing``, ``resize`` and ``crop`` are a single
    view (shorter side, then central crop, in pixels); ``scales``, ``crops`` and ``mirror`` are the
    views that the evaluation averaged over.
    """
    # GoogLeNet and Inception are published without their auxiliary classifiers.
    inception = network.name in {"googlenet", "inception_v3"}
    options = {"aux_logits": False, "init_weights": False, "transform_input": True}
    facts = {
        "format": KIND,
        "format_version": VERSION,
        "created_by": f"sjft {__version__}",
        "network": network.name,
        "network_options": options if inception else {},
        "classes": network.target_classes,
        "preprocessing": {
            "resize": evaluation.scales[0],
            "crop": training.input_size,
            "interpolation": "bilinear",
            "antialias": True,
            "mean": training.mean,
            "std": training.std,
            "scales": evaluation.scales,
            "crops": evaluation.crops,
            "mirror": evaluation.mirror,
        },
        "provenance": provenance,
    }
    # Through JSON: plain values only, and no text shared by two places, of which pickle would
    # write the second as a reference and so make other bytes of the same content.
    content = json.loads(json.dumps(facts)) | {"state_dict": plain_state(network)}
    write_torch(path, content)
