"""Tables in Markdown, narrow and in columns."""

from sjft.storage.markdown import aligned, table


def test_a_table_has_its_head_first_and_a_line_a_row() -> None:
    found = table([("what", "figure"), ("images", 12), ("seconds", 0.5)])
    assert found == ["| what | figure |", "| --- | --- |", "| images | 12 |", "| seconds | 0.5 |"]
    assert table([["alone"]]) == ["| alone |", "| --- |"]


def test_columns_are_as_broad_as_their_broadest_cell() -> None:
    assert aligned([["a", "head"], ["longer", ""]]) == [
        "| a      | head |",
        "| ------ | ---- |",
        "| longer |      |",
    ]
