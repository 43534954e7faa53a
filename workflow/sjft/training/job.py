"""A round as a job: trained by one process or several, its files written by the first."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.networks.joint import save_network
from sjft.settings.training import TrainingSettings
from sjft.settings.training_jobs import TrainingJobSettings
from sjft.storage.files import write_table
from sjft.training.checkpoints import Checkpoints
from sjft.training.processes import in_processes
from sjft.training.round import Round, run_round
from sjft.training.world import ALONE, World


@dataclass(frozen=True)
class RoundJob:
    """A round with all that it needs; ``facts`` are written into the model."""

    round: Round
    settings: TrainingSettings
    weights: Path | None
    threads: int
    checkpoints: Checkpoints
    jobs: TrainingJobSettings
    model: Path
    history: Path
    facts: dict[str, Any]

    def run(self) -> None:
        """Train, write the model and the history, and remove the checkpoints.

        Raises `UserError`; see `sjft.training.round.train`.
        """
        number = self.settings.processes
        if number == 1:
            self(ALONE)
        else:
            device = World(0, number).device(self.settings.device)
            in_processes(number, "nccl" if device.type == "cuda" else "gloo", _as_one_of, self)
        self.checkpoints.remove()

    def __call__(self, world: World) -> None:
        """Train as this process of the ``world``."""
        curves = self.model.parent / "tensorboard" if self.jobs.tensorboard else None
        with self.checkpoints.heeding_termination():
            network, history = run_round(
                self.round,
                self.settings,
                self.weights,
                max(1, self.threads // world.size),
                self.checkpoints,
                self.jobs.cache_mb / world.size,
                world,
                curves,
            )
        if world.first:
            save_network(self.model, network, self.facts)
            write_table(self.history, history)


def _as_one_of(world: World, job: RoundJob) -> None:
    job(world)
