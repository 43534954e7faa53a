"""Names that are read from right to left, and marks that turn a line around."""

import pytest

from sjft.reports.names import named, visible


@pytest.mark.parametrize("name", ["disc", "Grün & <b>", "n01440764", "鳥", "🦊", "\\u202e"])
def test_most_names_stay_as_they_are(name: str) -> None:
    assert named(name) == visible(name) == name


@pytest.mark.parametrize("name", ["שלום", "قطة 3", "\u200fa"])
def test_a_name_from_right_to_left_takes_nothing_along_that_stands_beside_it(name: str) -> None:
    assert named(name) == f"\u2068{name}\u2069"
    assert visible(f"{named(name)}: 3") == f"\u2068{name}\u2069: 3"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("rlo\u202egpj.exe", "rlo\\u202egpj.exe"),
        ("a\u2067b\u2069\u2069", "a\\u2067b\\u2069\\u2069"),
        ("א\u2069\u202eb", "\u2068א\\u2069\\u202eb\u2069"),
    ],
)
def test_marks_that_turn_a_line_around_are_told(name: str, told: str) -> None:
    assert named(name) == told
    assert visible(f"{named(name)}, {name[:0]}3") == f"{told}, 3"


def test_an_isolate_that_is_not_closed_or_holds_a_mark_is_told_too() -> None:
    assert visible("a\u2068b") == "a\\u2068b"
    assert visible("\u2068a\u202eb\u2069") == "\\u2068a\\u202eb\\u2069"
