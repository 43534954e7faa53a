"""What numba compiles is kept where there is room for it, and works where there is none."""

import numpy as np
import pytest
from numba.core import caching

from sjft import compiled as module
from sjft.compiled import compiled


def test_it_is_kept_where_there_is_a_place() -> None:
    @compiled(fastmath={"contract"})
    def doubled(values: np.ndarray) -> float:
        return 2 * values.sum()

    assert doubled(np.ones(3)) == 6
    assert doubled.stats.cache_path


def test_without_a_place_it_is_compiled_anew_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    module._say_that_nothing_is_kept.cache_clear()

    def tripled(values: np.ndarray) -> float:
        return 3 * values.sum()

    first, second = compiled()(tripled), compiled(parallel=True)(tripled)
    assert first(np.ones(3)) == second(np.ones(3)) == 9
    said = capsys.readouterr().err
    assert said.count("sjft:") == 1
    assert "NUMBA_CACHE_DIR" in said


def test_other_errors_are_not_taken_for_a_lack_of_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("another")

    monkeypatch.setattr(module.numba, "njit", fails)
    with pytest.raises(RuntimeError, match="another"):
        compiled()(len)
