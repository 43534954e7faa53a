"""Tables of whatever columns, for showing: no schema says which columns are numbers.

Apart from `sjft.storage.files`, which all jobs hang on: these tables are for reading alone.
"""

import polars as pl

# Columns that hold names or words, even where all or the first hundred of them look like numbers:
# a class `007`, or `0` to `9` before `A`.
TEXTS = ("path", "class_name", "predicted_class", "arm", "title", "reference")


def parsed_table(content: bytes) -> pl.DataFrame:
    """A CSV table whose columns have the type of all their rows; `TEXTS` are text in any case.

    Raises `polars.exceptions.PolarsError` for what is no table.
    """
    texts = dict.fromkeys(TEXTS, pl.String)
    return pl.read_csv(content, infer_schema_length=None, schema_overrides=texts)
