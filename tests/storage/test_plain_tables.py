"""Tables without a schema: what is a name stays one, and the whole column tells its type."""

import polars as pl

from sjft.storage.plain_tables import parsed_table


def test_names_that_look_like_numbers_keep_their_zeros() -> None:
    table = parsed_table(b"class_name,predicted_class,images\n007,1e5,3\n010,true,4\n")
    assert table["class_name"].to_list() == ["007", "010"]
    assert table["predicted_class"].to_list() == ["1e5", "true"]
    assert table["images"].to_list() == [3, 4]


def test_a_column_has_the_type_of_all_its_rows() -> None:
    rows = "\n".join(["1,0"] * 500)
    table = parsed_table(f"update,seconds\n{rows}\n501,0.5\n".encode())
    assert table.schema == {"update": pl.Int64, "seconds": pl.Float64}
