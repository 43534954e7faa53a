"""Hashes of images, and the tables of copies, looked into."""

from pathlib import Path

import numpy as np
import polars as pl

from sjft.leakage.copies import COPIES_SCHEMA
from sjft.leakage.digests import KIND, VERSION
from sjft.leakage.perceptual_hash import BITS, LEAST_DETAIL, VIEWS, WORDS
from sjft.leakage.table import LEAKAGE_SCHEMA, count_leakage
from sjft.storage.files import read_table
from sjft.storage.inspection import (
    Inspection,
    Names,
    Plot,
    Values,
    facts_of_hdf5,
    histogram,
    opened,
    row_of_number,
    table_row,
)
from sjft.storage.sanity import (
    Check,
    ascending,
    content_is_as_digested,
    finite,
    none_of,
    rows_of_table,
)

HEXADECIMAL = "0123456789abcdef"


def inspect_hashes(path: Path) -> Inspection:
    """What a file of hashes holds; raises `UserError` for any other file."""
    with opened(path, KIND, VERSION) as file:
        settings, inputs = facts_of_hdf5(file)
        images, detail, bits = file["image"][:], file["detail"][:], file["perceptual_hash"][:]
        digests = [digest.decode("ascii", "replace") for digest in file["digest"][:]]
        odd = [len(d) != 32 or not set(d) <= set(HEXADECIMAL) for d in digests]
        lengths = {len(images), len(detail), len(bits), len(digests)}
        shape = None if bits.shape[1:] == (len(VIEWS), WORDS) else f"it is {bits.shape[1:]}"

        def row(wanted: str, names: Names) -> Values:
            number = names.number(wanted)
            place = row_of_number(path, images, number, "image")
            whole = dict(zip(VIEWS, bits[place], strict=True))
            return {
                "image": number,
                "path": names.of_image(number),
                "digest": digests[place],
                "detail": float(detail[place]),
                "hash, by view": {
                    v: "".join(f"{int(w):016x}" for w in x) for v, x in whole.items()
                },
            }

        return Inspection(
            kind="hashes",
            what="What tells the copies of an image: each file's digest and perceptual hash.",
            settings=settings,
            inputs=inputs,
            sizes={
                "images": len(images),
                "bits of a hash": BITS,
                "views": list(VIEWS),
                "files whose content stands here before": len(digests) - len(set(digests)),
                "images without detail": int((detail < LEAST_DETAIL).sum()),
            },
            checks=[
                Check(
                    "there are a digest and a hash of each image",
                    None if len(lengths) == 1 else f"there are {sorted(lengths)}",
                ),
                Check(f"a hash has {len(VIEWS)} views of {BITS} bits", shape),
                ascending("numbers of images", images),
                none_of("digests are 32 hexadecimal digits", np.array(odd, bool), "row"),
                finite("detail", detail, "row"),
                none_of("no detail is negative", detail < 0, "row"),
                content_is_as_digested(file),
            ],
            image=row,
            plot=lambda: Plot(
                "Detail of the images: how far their hashes can be relied upon",
                histogram(detail),
                ("value", "median amplitude behind the bits, grey levels"),
                ("number", "images"),
            ),
        )


def inspect_leakage(path: Path) -> Inspection:
    """What leakage.csv or duplicates.csv tells; raises `UserError` for any other file."""
    table = read_table(path, LEAKAGE_SCHEMA)
    named = pl.col("target_path").is_not_null() & pl.col("source_path").is_not_null()
    reason = pl.col("same_file").fill_null(False) | pl.any_horizontal(
        pl.col("hash_distance", "divergence").is_not_null()
    )
    order = ["target_path", "source_path", "source_split"]
    pairs = [tuple(str(part) for part in row) for row in table.select(order).iter_rows()]
    return Inspection(
        kind="leakage",
        what="Images to train on that show an image which is held out, and why that is thought.",
        sizes=dict(count_leakage(table)),
        checks=[
            rows_of_table("both images of a pair are named", table, named),
            rows_of_table("each pair has a reason", table, reason & (pl.col("reasons") != "")),
            _distances(table),
            rows_of_table(
                "divergences are not negative",
                table.filter(pl.col("divergence").is_not_null()),
                (pl.col("divergence") >= 0) & pl.col("divergence").is_finite(),
            ),
            Check("pairs are in order", None if pairs == sorted(pairs) else "they are not sorted"),
        ],
        image=table_row(table, "target_path"),
        plot=lambda: _plot(table),
    )


def inspect_copies(path: Path) -> Inspection:
    """What was found in one shard, before the names are known; raises `UserError`."""
    table = read_table(path, COPIES_SCHEMA)
    numbers = pl.all_horizontal(pl.col("target_image", "source_image") >= 0)
    reason = pl.col("same_file") | pl.col("hash_distance").is_not_null()
    return Inspection(
        kind="copies",
        what="Pairs of images in one shard that are copies of each other, by number.",
        sizes={"pairs": len(table)},
        checks=[
            rows_of_table("numbers of images are not negative", table, numbers),
            rows_of_table("each pair has a reason", table, reason),
            _distances(table),
        ],
        plot=lambda: _plot(table),
    )


def _distances(table: pl.DataFrame) -> Check:
    near = table.filter(pl.col("hash_distance").is_not_null())
    what = f"hashes differ in 0 to {BITS} bits"
    return rows_of_table(what, near, pl.col("hash_distance").is_between(0, BITS))


def _plot(table: pl.DataFrame) -> Plot:
    counted = table["hash_distance"].drop_nulls().value_counts().sort("hash_distance")
    rows = [{"distance": distance, "pairs": number} for distance, number in counted.iter_rows()]
    return Plot(
        "Pairs by the distance of their hashes",
        rows,
        ("distance", "bits that differ"),
        ("pairs", "pairs"),
    )
