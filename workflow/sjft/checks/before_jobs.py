"""What is looked at before the first job, each thing once: is all there, and has it changed?

Rules hand the answers to their jobs as parameters, so that what has changed is made again.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from sjft import layout
from sjft.checks.answers import ANSWERS
from sjft.checks.asked import asked_for
from sjft.checks.first_look import Look, first_look
from sjft.checks.numbers import Counted
from sjft.data.listing import list_images
from sjft.data.omissions import Omissions
from sjft.data.state import Changes, DataState, current_state, read_record
from sjft.data.table import PARTS
from sjft.errors import UserError
from sjft.fetch.missing import file_state, missing_data, missing_dataset, missing_of_bank
from sjft.pipeline import runs
from sjft.pipeline.rerun_reasons import named_by_kind
from sjft.pipeline.stage_settings import of_generated_images
from sjft.selection.subset import read_skipped
from sjft.settings.config import Configuration
from sjft.settings.dataset import Cameras, ImageFolder
from sjft.settings.weights import FileWeights
from sjft.storage.files import digest_of_text


@dataclass(frozen=True)
class Call:
    """How the pipeline was called: for which ``targets``, and what this process is to do.

    ``leads`` says whether it is the one that the user started: the others, on other nodes too, go
    by what that one has seen. ``dry`` runs write nothing. ``runs_here`` says whether jobs are run
    on this machine.
    """

    targets: Sequence[str]
    leads: bool
    dry: bool
    runs_here: bool


@dataclass(frozen=True)
class BeforeJobs:
    """The data behind a configuration, as they are now.

    ``called`` is asked when the first job is looked at. ``readers`` is the fingerprint of the code
    that lists images. ``stop`` ends the program with a message for the user, ``tell`` shows one.
    """

    c: Configuration
    called: Callable[[], Call]
    readers: str
    stop: Callable[[str], NoReturn]
    tell: Callable[[str], object]
    _looked: dict[tuple[str, ...], Look] = field(default_factory=dict)
    _seen: dict[str, tuple[DataState, Changes | None]] = field(default_factory=dict)
    _states: dict[str, DataState | None] = field(default_factory=dict)
    _originals: dict[str, str] = field(default_factory=dict)

    @cached_property
    def call(self) -> Call:
        """How the pipeline was called."""
        return self.called()

    ##### is all there? #####

    @cached_property
    def asked(self) -> set[str]:
        """The experiments whose files were asked for by name."""
        jobs = [job for target in self.call.targets if (job := layout.job_of(target))]
        return {job.names.get("experiment", "") for job in jobs}.intersection(self.c.experiments)

    def look_first(self, *needed: str) -> None:
        """Stop with one message where what was asked for, or is ``needed`` for it, cannot work."""
        if not self.call.leads:  # it was said before this job was sent
            return
        wanted = {*needed, *self.asked}
        asked = asked_for(self.c, wanted, self.call.targets)
        wanted |= {*runs.learned_before(self.c, [each.name for each in asked if each.trained])}
        names = tuple(name for name in self.c.experiments if name in wanted)
        if names not in self._looked:
            self._looked[names] = look = self._look(names)
            if look.warns:
                self.tell(look.warns)
        if stops := self._looked[names].stops:
            self.stop(stops)

    def _look(self, names: Sequence[str]) -> Look:
        return first_look(
            self.c,
            asked_for(self.c, names, self.call.targets),
            lambda dataset: Counted.of_state(self._seen_data(dataset)[0]),
            runs_here=self.call.runs_here and not self.call.dry,
            kept=ANSWERS,
        )

    def require_data(self, experiments: Iterable[str]) -> None:
        """Stop with one message where data of what was asked for is not there."""
        using = list(experiments)
        self._require(using, lambda: missing_data(self.c, using[:1]))

    def _require(self, using: Iterable[str], alone: Callable[[], str | None]) -> None:
        """The same for what may be asked for by itself, without any experiment that uses it.

        What it then lacks is all that counts.
        """
        if self.asked.intersection(using):
            self.look_first()
        elif missing := alone():
            self.stop(missing)

    def _require_dataset(self, dataset: str) -> None:
        experiments = self.c.experiments.items()
        using = [name for name, e in experiments if dataset in (e.target, *e.sources)]
        self._require(using, lambda: missing_dataset(self.c, dataset))

    ##### have the images changed? #####

    def state(self, dataset: str) -> DataState | None:
        """What is on disk now; where that has changed since images.csv was written, it is renewed.

        None for generated images, which change by their own rule.
        """
        if dataset not in self._states:
            self._states[dataset] = self._state(dataset)
        return self._states[dataset]

    def _state(self, dataset: str) -> DataState | None:
        if self.c.datasets[dataset].generated:
            return None
        if not self.call.leads and (record := read_record(self._folder(dataset))):
            return record.state
        self._require_dataset(dataset)
        try:
            state, changes = self._seen_data(dataset)
        except UserError as error:
            self.stop(str(error))
        if changes:
            told = f"{changes} ({named_by_kind(changes.names)})"
            self.tell(f"The images of {dataset} have changed: {told}.")
        self._tell_left_out(dataset, state.left_out)
        return state

    def _tell_left_out(self, dataset: str, lines: Iterable[str]) -> None:
        for line in lines if self.call.leads else ():
            self.tell(f"Left out of {dataset}: {line}")

    def _folder(self, dataset: str) -> Path:
        return Path(layout.IMAGES.of(dataset=dataset)).parent

    def _seen_data(self, dataset: str) -> tuple[DataState, Changes | None]:
        """A data set's state on disk, looked at once, and what has changed."""
        if dataset not in self._seen:
            self._seen[dataset] = current_state(
                self.c.datasets[dataset],
                Path(self.c.data_root),
                self._folder(dataset),
                self.readers,
                refresh=self.call.leads and not self.call.dry,
            )
        return self._seen[dataset]

    def content(self, dataset: str, part: str, shard: str) -> str:
        """Changes with the images of one shard, and with nothing else."""
        state = self.state(dataset)
        if not state:
            return "generated"
        of_part = state.content[part]
        if int(shard) >= len(of_part):
            raise UserError(
                f"{dataset}: there is no shard {shard} of the part `{part}`: they are 0000 to "
                f"{len(of_part) - 1:04d} (datasets.{dataset}.shards)."
            )
        return of_part[int(shard)]

    def rows(self, dataset: str, part: str) -> str:
        """Changes with the images of a part, their labels and their numbers."""
        state = self.state(dataset)
        return state.rows[part] if state else "generated"

    def rows_of_run(self, experiment: str, arm: str) -> list[str]:
        """Changes with the images that a run can be trained on."""
        target = self.c.experiments[experiment].target
        sources = runs.sources_of(self.c, experiment, arm)
        return [self.rows(name, "train") for name in (target, *sources)]

    def images_of_training(self, experiment: str, arm: str) -> list[str]:
        """Changes with the images that a run's training opens.

        The subset does not: an image that another has taken the place of leaves its bytes as they
        were, and Snakemake takes such a file for no change once it has been written. With `keep:
        best_on_val` those of `val` are among them, which stand with `test` in one part.
        """
        target = self.c.experiments[experiment].target
        sources = runs.sources_of(self.c, experiment, arm)
        opened = [self._opened(name) for name in (target, *sources)]
        if runs.training(self.c, experiment, arm).keep == "best_on_val":
            opened.append(self.rows(target, "heldout"))
        return opened

    def _opened(self, dataset: str) -> str:
        """Changes with a data set's training images; of generated ones with what they are of."""
        if not self.c.datasets[dataset].generated:
            return self.rows(dataset, "train")
        made_of = [of_generated_images(self.c, dataset), self.originals(dataset)]
        return digest_of_text(json.dumps(made_of, sort_keys=True))

    def rows_of_target(self, experiment: str, part: str) -> str:
        """Changes with a part of an experiment's target."""
        return self.rows(self.c.experiments[experiment].target, part)

    def rows_of_experiment(self, experiment: str) -> list[str]:
        """Changes with all images of an experiment: target's, then sources', part by part.

        For what counts or names images beside those that runs are trained on or judged by.
        """
        pairing = self.c.experiments[experiment]
        return [
            self.rows(name, part) for name in (pairing.target, *pairing.sources) for part in PARTS
        ]

    def noticed(self, dataset: str) -> str:
        """Nothing to go by: renews images.csv where the images have changed (see `state`)."""
        self.state(dataset)
        return ""

    def originals(self, dataset: str) -> str:
        """Changes with the photographs that images are made from; empty where there are none."""
        settings = self.c.datasets[dataset]
        if not isinstance(settings, Cameras):
            return ""
        if dataset not in self._originals:
            self._require_dataset(dataset)
            self._originals[dataset] = self._listed_originals(dataset, settings.originals())
        return self._originals[dataset]

    def _listed_originals(self, dataset: str, photographs: ImageFolder) -> str:
        omissions = Omissions()
        try:
            found = list_images(
                photographs, Path(self.c.data_root) / photographs.root, omissions=omissions
            )
        except UserError as error:
            self.stop(str(error))
        self._tell_left_out(dataset, omissions.lines())
        # What is made of them goes by these, and by no other file in the folders.
        seen = found.select("path", "class_name", "split", "bytes", "modified")
        return digest_of_text(seen.write_csv())

    ##### have other files changed? #####

    def file(self, path: str | None, experiments: Iterable[str]) -> str:
        """Changes with a file below the data root that these experiments use; empty where none."""
        if path is None:
            return ""
        self.require_data(experiments)
        return self._file(path)

    def _file(self, path: str) -> str:
        return file_state(Path(self.c.data_root) / path)

    def weights_of_bank(self, bank: str) -> str:
        """Changes with a bank's local file of weights."""
        using = [
            name
            for name in self.c.experiments
            for arm in runs.complete_arms(self.c, name)
            if self.c.retrievals[arm.retrieval].bank == bank
        ]
        self._require(using, lambda: missing_of_bank(self.c, bank))
        weights = self.c.banks[bank].weights_or_none
        return self._file(weights.path) if isinstance(weights, FileWeights) else ""

    def weights_of_arm(self, experiment: str, arm: str) -> str:
        """Changes with the local file of weights that an arm's training starts from."""
        weights = runs.training(self.c, experiment, arm).weights
        return self.file(weights.path if isinstance(weights, FileWeights) else None, [experiment])

    def weights_of_published(self, experiment: str) -> list[str]:
        """Likewise of each arm that may be published."""
        arms = self.c.experiments[experiment].publish.candidates
        return [self.weights_of_arm(experiment, arm) for arm in arms]

    def head_classes(self, experiment: str, arm: str) -> str:
        """Changes with the list of the first classifier's classes, for the arms that use it."""
        used = runs.sources_of(self.c, experiment, arm)
        path = runs.training(self.c, experiment, arm).source_head_classes
        return self.file(path if used else None, [experiment])

    def left_out_and_refused(self, bank: str, dataset: str, part: str, shard: str) -> str:
        """Changes where a shard's bad images were left out, and by now are to end its job.

        A shard without any is the same with `on_bad_image: fail` and `skip`.
        """
        path = Path(layout.SKIPPED.of(bank=bank, dataset=dataset, part=part, shard=shard))
        if self.c.datasets[dataset].on_bad_image == "skip" or not path.is_file():
            return ""
        try:
            return "bad images were left out" if len(read_skipped(path)) else ""
        except UserError:
            return "damaged, or an older version's"  # the shard is made anew
