"""What settings can name is there to choose, and stands on its page: the lists are written twice.

The settings' side cannot be made from the other: an edit of one bank would concern all jobs.
"""

from typing import Any, get_args

from chain import REPOSITORY

from sjft.data.readers import READERS
from sjft.descriptors.banks import BANKS
from sjft.retrieval.index import BACKENDS
from sjft.settings.bank import BankSettings
from sjft.settings.dataset import DatasetSettings
from sjft.settings.retrieval import RetrievalSettings


def kinds_of(union: Any, key: str) -> set[str]:
    """The values that tell the kinds of a section apart."""
    kinds = get_args(get_args(union)[0])
    return {get_args(kind.model_fields[key].annotation)[0] for kind in kinds}


def require_same(settings: set[str], registry: set[str], where: str, settings_in: str) -> None:
    assert not settings - registry, f"write a line for {settings - registry} into {where}"
    assert not registry - settings, f"write {registry - settings} into {settings_in}"


def test_readers_banks_and_backends_stand_on_both_lists() -> None:
    require_same(
        *(kinds_of(DatasetSettings, "reader"), set(READERS)),
        *("READERS of sjft/data/readers/__init__.py", "the union of sjft/settings/dataset.py"),
    )
    require_same(
        *(kinds_of(BankSettings, "type"), set(BANKS)),
        *("BANKS of sjft/descriptors/banks/__init__.py", "BankSettings of sjft/settings/bank.py"),
    )
    require_same(
        *(set(get_args(RetrievalSettings.model_fields["backend"].annotation)), set(BACKENDS)),
        *("BACKENDS of sjft/retrieval/index/__init__.py", "backend of sjft/settings/retrieval.py"),
    )


def test_every_reader_has_a_row_on_its_page() -> None:
    page = (REPOSITORY / "docs" / "readers.md").read_text("utf-8")
    without = [name for name in READERS if f"\n| `{name}`" not in page]
    assert not without, f"write a row for {without} into the table of docs/readers.md"
