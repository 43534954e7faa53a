"""The page's account of the subset: by what is known of source images, beside all of them."""

from dataclasses import replace
from pathlib import Path

import polars as pl
from reported import write_reported

from sjft.data.columns import ListFile
from sjft.data.table import read_images
from sjft.reports.report_page.blocks import Section, Table, Text
from sjft.reports.report_page.subset_section import subset
from sjft.selection.subset import read_selected

LIST = ListFile("list.csv", ",", "path", ["path", "class"])


def test_each_column_of_the_lists_is_counted_beside_all_source_images_and_the_target(
    tmp_path: Path,
) -> None:
    inputs, folders = write_reported(tmp_path)
    target, source = inputs.datasets
    for files, name in ((target, "pets.csv"), (source, "list.csv")):
        images = read_images(files.images).filter(pl.col("split") == "train")
        cameras = pl.when(pl.col("image") % 3 == 0).then(pl.lit("old")).otherwise(pl.lit("new"))
        table = images.select("path", pl.col("class_name").alias("class"), cameras.alias("camera"))
        if name == "list.csv":
            table = table.with_columns(number=pl.col("path"), lab=pl.lit("rare & <b>"))
            first = pl.int_range(pl.len()) == 0
            table = table.with_columns(
                lab=pl.when(first).then(pl.lit("never")).otherwise(pl.col("lab"))
            )
        table.write_csv(tmp_path / name)
    known = [
        replace(target, user_list=replace(LIST, file="pets.csv")),
        replace(source, user_list=LIST),
    ]
    section = subset(inputs.runs, known, folders)
    tables = {b.caption: b for b in section.blocks if isinstance(b, Table)}
    cameras = tables["selective, seed 0: by camera"]
    used = read_selected(inputs.runs[0].rounds[-1].subset)
    old = int((used["image"] % 3 == 0).sum())
    rows = {row[0]: row for row in cameras.rows}
    assert rows["old"][1] == old and rows["new"][1] == len(used) - old
    assert rows["old"][2:5] == [f"{100 * old / len(used):.1f} %", "33.3 %", "33.3 %"]
    assert rows["old"][5] == int(used.filter(pl.col("image") % 3 == 0)["chosen_by"].sum())
    # The target's list has no such column.
    assert {row[4] for row in tables["selective, seed 0: by lab"].rows} == {None}
    said = section.blocks[-1]
    assert isinstance(said, Text) and "list of things that are not shown" in said.text
    assert "number (60)" in said.text
    assert "selective, seed 0: by style" not in tables


def test_what_no_image_of_the_subset_has_is_counted_too(tmp_path: Path) -> None:
    inputs, folders = write_reported(tmp_path)
    source = inputs.datasets[1]
    images = read_images(source.images)
    used = read_selected(inputs.runs[0].rounds[-1].subset)["path"]
    table = images.select("path", camera=pl.col("path").is_in(used.to_list()).cast(pl.String))
    table.write_csv(tmp_path / "list.csv")
    known = [inputs.datasets[0], replace(source, user_list=LIST)]
    section: Section = subset(inputs.runs, known, folders)
    found = next(b for b in section.blocks if isinstance(b, Table) and "camera" in b.caption)
    share = f"{100 * (1 - len(used) / 60):.1f} %"
    assert found.rows[1] == ["false", 0, "0.0 %", share, None, None]
