"""What the settings ask of the machine: GPUs, a compiler, packages."""

import importlib.util
import os
import shutil
from collections.abc import Iterator, Sequence

from sjft.checks.asked import Asked
from sjft.checks.finding import Finding
from sjft.checks.values import banks_of, retrievals_of
from sjft.settings.config import Configuration


def devices_of(configuration: Configuration, asked: Asked) -> dict[str, tuple[str, int]]:
    """Key, device and number of all that may run on a GPU, but where it is left to the job."""
    found = {
        **(_devices_of_training(configuration, asked) if asked.trained else {}),
        **{
            f"retrievals.{name}.device": (configuration.retrievals[name].device, 1)
            for name in retrievals_of(configuration, asked)
        },
        **{
            f"banks.{name}.device": (configuration.banks[name].device, 1)
            for name in banks_of(configuration, asked)
        },
    }
    return {key: value for key, value in found.items() if value[0] == "cuda"}


def _devices_of_training(configuration: Configuration, asked: Asked) -> dict[str, tuple[str, int]]:
    experiment = configuration.experiments[asked.name]
    training = experiment.training
    return {
        f"experiments.{asked.name}.training.device": (training.device, training.processes),
        **{
            f"experiments.{asked.name}.arms.{arm.name}.training.device": (
                arm.training.device,
                arm.training.processes,
            )
            for arm in asked.complete(experiment)
            if arm.training.processes != training.processes
        },
    }


def missing_here(
    configuration: Configuration, asked: Sequence[Asked], *, stops: bool
) -> Iterator[Finding]:
    """What this machine lacks of what is asked for.

    Where the jobs may run elsewhere, or nothing is run, that does not stop (``stops``).
    """
    devices: dict[str, tuple[str, int]] = {}
    compiled = []
    for each in asked:
        devices |= devices_of(configuration, each)
        training = configuration.experiments[each.name].training
        if each.trained and training.compile and training.device == "cpu":
            compiled.append(f"experiments.{each.name}.training.compile")
    if devices:
        yield from _missing_gpus(devices, stops)
    compilers = [name for name in (os.environ.get("CXX"), "g++", "clang++", "c++") if name]
    if compiled and not any(map(shutil.which, compilers)):
        for key in compiled:
            yield Finding(
                key,
                f"a CPU needs a C++ compiler, and there is none of {', '.join(compilers)} here. "
                "Install one, or set the key to false",
                stops,
            )
    drawn = configuration.training_jobs.tensorboard and any(each.trained for each in asked)
    if drawn and not importlib.util.find_spec("tensorboard"):
        yield Finding(
            "training_jobs.tensorboard",
            "the package is missing here: `pip install '.[tensorboard]'`, or set the key to false",
            stops,
        )


def _missing_gpus(devices: dict[str, tuple[str, int]], stops: bool) -> Iterator[Finding]:
    import torch  # noqa: PLC0415  (a second, where nobody asks for a GPU)

    there = torch.cuda.device_count()
    for key, (_, wanted) in devices.items():
        if there == 0:
            yield Finding(
                key,
                "`cuda` is asked for, but torch finds no CUDA device here. Set it to `cpu`, or run "
                "where there is a GPU",
                stops,
            )
        elif wanted > there:
            yield Finding(
                key.replace("device", "processes"),
                f"{wanted} processes need a GPU each, but torch finds {there} here. Lower it to "
                "that, or run where there are more",
                stops,
            )
