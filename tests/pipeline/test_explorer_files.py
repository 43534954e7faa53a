"""Which run `sjft neighbours` begins with."""

from pathlib import Path

import pytest
from rerun_table import BASE

from sjft import layout
from sjft.pipeline.explorer_files import inputs_of_run
from sjft.settings.config import read_configuration
from sjft.storage.files import write_json


def test_the_arm_that_was_chosen_comes_first_if_it_borrows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    published = {"arm": "best", "compare": ["fine-tune", "selective", "no-iteration"]}
    entry = {**BASE["experiments"]["all"], "publish": published}
    c = read_configuration({**BASE, "experiments": {**BASE["experiments"], "all": entry}})

    def first() -> str:
        return inputs_of_run(c, "all").rounds[0].arm

    assert first() == "selective"
    for arm, shown in (("no-iteration", "no-iteration"), ("fine-tune", "selective")):
        write_json(tmp_path / layout.CHOICE.of(experiment="all"), {"arm": arm, "reason": "so"})
        assert first() == shown
