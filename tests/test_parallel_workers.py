"""What workers share is made once, and what takes longest comes first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import parallel_workers
import pytest
from parallel_workers import made_once, pytest_collection_modifyitems


def factory(base: Path) -> Any:
    """As pytest's own, for a worker whose temporary files lie there."""
    base.mkdir(parents=True, exist_ok=True)
    return SimpleNamespace(getbasetemp=lambda: base)


@pytest.mark.parametrize(("workers", "made"), [(0, 2), (2, 1)])
def test_one_worker_makes_what_each_has_a_copy_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, made: int
) -> None:
    monkeypatch.setattr(parallel_workers, "WORKERS", workers)
    asked: list[Path] = []

    def make(folder: Path) -> None:
        asked.append(folder)
        folder.mkdir()
        (folder / "file").write_text("made")

    bases = [tmp_path / name for name in ("gw0", "gw1")]
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda base: made_once(factory(base), "run", make), bases))
    assert found == [base / "run" for base in bases]
    assert len(asked) == made
    (found[0] / "file").write_text("changed")
    assert (found[1] / "file").read_text() == "made"


def test_what_could_not_be_made_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel_workers, "WORKERS", 2)
    with pytest.raises(ZeroDivisionError):
        made_once(factory(tmp_path / "gw0"), "run", lambda folder: folder.mkdir() or 1 / 0)
    made_once(factory(tmp_path / "gw1"), "run", Path.mkdir)
    assert (tmp_path / "gw1/run").is_dir()


def test_files_that_take_long_come_first_and_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_workers, "WORKERS", 2)

    def item(file: str, *markers: str, fixtures: tuple[str, ...] = ()) -> Any:
        return SimpleNamespace(
            path=Path(file),
            get_closest_marker=lambda name: name if name in markers else None,
            fixturenames=fixtures,
        )

    items = [item("a"), item("b"), item("b", "slow"), item("c"), item("d", "workflow")]
    items.append(item("e", "workflow", fixtures=("slurm",)))
    pytest_collection_modifyitems(items)
    assert [one.path.name for one in items] == ["e", "d", "b", "b", "a", "c"]
