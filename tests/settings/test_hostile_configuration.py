"""The configuration against values that nobody means: taken, or refused in one line that names it.

Every key that the models have is given one of them, and hypothesis makes up others.
"""

import copy
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sjft.errors import UserError
from sjft.settings.config import MOST_PROBLEMS, Configuration, read_configuration
from sjft.settings.merging import merged_values
from sjft.settings.quoting import WIDTH, shortened, shown
from sjft.settings.yaml_file import read_yaml

ON_DISK = {"root": "r", "downloads": [{"url": "https://example.org/a.tar", "save_as": "a"}]}
SPLIT = {"random_split": {"train": 0.5}}
RAW: dict[str, Any] = {
    "datasets": {
        "made": {
            "reader": "synthetic",
            "contents": ["disc", "ring"],
            "styles": ["hatching"],
            "per_class": {"train": 2},
        },
        "folders": {"reader": "image_folder", **ON_DISK, **SPLIT, "train_per_class": 3},
        "splits": {"reader": "image_folder", **ON_DISK, "splits": {"train": "."}},
        "list": {"reader": "csv", "file": "list.csv", "style_column": "style", **ON_DISK},
        "pets": {"reader": "torchvision", "dataset": "OxfordIIITPet", **ON_DISK, **SPLIT}
        | {"arguments": {"a": 1, "b": "text", "c": 0.5, "d": True}},
        **{
            name: {"reader": name, **ON_DISK}
            for name in ("indoor67", "flowers102", "dogs120", "caltech256", "imagenet")
        },
        **{name: {"reader": name, "categories": "c", **ON_DISK} for name in ("places205",)},
        "places365": {"reader": "places365", **ON_DISK},
        "cameras": {"reader": "cameras", "cameras": {"plain": 1}, **ON_DISK, **SPLIT},
    },
    "banks": {
        "cnn": {"type": "cnn", "weights": {"source": "file", "path": "w.pth"}},
        "gabor": {"type": "gabor"},
    },
    "retrievals": {
        "by_cnn": {"bank": "cnn", "layer_weights": {"features.0": 1, "features.3": 2}},
        "by_gabor": {"bank": "gabor"},
    },
    "experiments": {
        "main": {
            "target": "folders",
            "source": ["list", "made"],
            "retrieval": "by_cnn",
            "training": {"source_head": "pretrained", "source_head_classes": "c.txt"},
            "publish": {"compare": ["gabor"]},
            "arms": {
                "gabor": {"retrieval": "by_gabor"},
                "scratch": {"training": {"learning_rate": 0.1}},
                "own": {
                    "like": "no-iteration",
                    "title": "of my own",
                    "sources": "neighbours",
                    "iterate": True,
                    "against": "gabor",
                    "selection": {"initial_neighbours": 20},
                    "training": {
                        "weights": {"source": "random", "seed": 2},
                        "source_head": "new",
                        "source_head_classes": None,
                    },
                },
                "as_many": {"like": "own", "sources": "random", "as_many_as": "own"},
            },
            "ablation": {
                "arms": ["gabor", "selective", "own", "as_many"],
                "fusion": ["selective", "second/selective"],
            },
        },
        "second": {
            "target": "folders",
            "source": "made",
            "retrieval": "by_gabor",
            "training": {"weights": {"source": "random", "seed": 1}},
            "arms": {
                "learned": {"training": {"weights": {"source": "experiment", "experiment": "main"}}}
            },
        },
    },
}
# With every key that the models have.
WHOLE: dict[str, Any] = read_configuration(RAW).model_dump(mode="json")

LOOP: list[Any] = []
LOOP.append(LOOP)
BOMB: Any = ["ha"]
for _ in range(15):
    BOMB = [BOMB] * 10
DEEP: Any = "bottom"
for _ in range(1000):
    DEEP = {"further": DEEP}
HOSTILE: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, 10**5000, -(10**5000), 1e308, float("nan"), float("inf")),
    *("", " ", "x" * 300, "x/" * 3000, "x" * 10_000, "a\0b", "two\nlines", "\ud800", "\x1b[31m"),
    *("9" * 5000, "../..", "/", "{experiment}", "%00", b"bytes", {1, 2}, 2j, object()),
    *([], {}, [[]], {"": ""}, {1: 2}, {None: 1}, {("a",): 1}, {"x" * 10_000: 1}, {"\ud800": 1}),
    *(["x" * 300] * 3, [None] * 1000, LOOP, BOMB, DEEP),
)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key, sections and entries of lists among them."""
    if path:
        yield path
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from paths_in(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from paths_in(inner, (*path, place))


def replaced(path: tuple[Any, ...], new: Any) -> dict[str, Any]:
    """The whole configuration, with another value at one key; the rest is shared."""
    whole = dict(WHOLE)
    place: Any = whole
    for part in path[:-1]:
        place[part] = copy.copy(place[part])
        place = place[part]
    place[path[-1]] = new
    return whole


def taken_or_told(path: tuple[Any, ...], new: Any) -> None:
    """The value is taken, and can be written down; or it is refused in short lines."""
    try:
        configuration = read_configuration(replaced(path, new))
    except UserError as error:
        first, *lines, last = str(error).split("\n")
        assert first == "The configuration cannot be used:"
        assert last == "Every key is described in docs/reference.md."
        assert 1 <= len(lines) <= MOST_PROBLEMS + 1
        for line in lines:
            assert line.startswith("  - "), (path, line)
            assert len(line) < 800, (path, line)
            assert line.isprintable(), (path, line)
            assert "x" * (WIDTH + 1) not in line, (path, line)
        # Where others name what is not there any more, or do not fit it, those are told.
        if path[0] not in {"datasets", "banks", "retrievals"}:
            assert any(f"- {path[0]}" in line for line in lines), (path, lines)
    else:
        json.dumps(configuration.model_dump(mode="json"), allow_nan=False).encode()


ALL_PATHS = list(paths_in(WHOLE))


@pytest.mark.slow
def test_every_key_takes_or_refuses_hostile_values() -> None:
    """Each key is given one of the values, and each value to a dozen of the keys."""
    for place, path in enumerate(ALL_PATHS):
        taken_or_told(path, HOSTILE[place % len(HOSTILE)])


def test_no_key_is_forgotten() -> None:
    """The names of all fields of all models stand in what is tried."""
    definitions = Configuration.model_json_schema()["$defs"]
    fields = {(model, name) for model, d in definitions.items() for name in d.get("properties", ())}
    tried = {part for path in ALL_PATHS for part in path}
    forgotten = sorted({name for _, name in fields} - tried)
    assert not forgotten, f"no section of RAW, above in this file, has {forgotten}: add one"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(ALL_PATHS), anything), min_size=5, max_size=5))
def test_what_hypothesis_makes_up_is_taken_or_told(changes: list[tuple[Any, Any]]) -> None:
    for path, value in changes:
        taken_or_told(path, value)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("data_root", "a\0b", "data_root: 'a\\x00b' holds a control character"),
        ("data_root", "\udcff", "data_root: '\\udcff' holds characters that are no UTF-8"),
        ("datasets.folders.root", "x" * 300, "holds a name of 300 bytes; files and folders have"),
        ("datasets.folders.root", "ab/" * 900, "has 2,700 bytes; allowed are 1,024"),
        ("datasets.list.file", "\n", "datasets.list.file: '\\n' holds a control character"),
        ("retrievals.by_cnn.bins", 10**4300, "bins: an integer of 4301 figures is out of range"),
        ("experiments.main.rounds", True, "experiments.main.rounds: a number is expected, got tru"),
        ("experiments.main.rounds", float("inf"), "experiments.main.rounds: Input should be a fin"),
        ("experiments.main.target", 2024, "target: Input should be a valid string, got 2024: put"),
        ("experiments.main.seeds", LOOP, "seeds...: is nested more than 20 levels deep"),
        ("banks.cnn.type", BOMB, "banks.cnn.type...: the configuration holds more than 20000 val"),
        ("banks.cnn.layers", [[["a"] * 9] * 9] * 9, "banks.cnn.layers.0: Input should be a valid"),
        ("banks.cnn.layers", DEEP, "banks.cnn.layers...: is nested more than 20 levels deep"),
        ("banks", {1: {}}, "banks: the key 1 is no text: put it into quotes"),
        ("checkpoints", {True: 1}, "checkpoints: the key True is no text"),
        ("banks.cnn.weights", {"source": "x" * 200}, "Input tag 'xxx"),
        ("datasets", {"y" * 101: WHOLE["datasets"]["made"]}, "has 101 characters; allowed are 100"),
        (
            "datasets.folders.downloads",
            [{"url": "https://example.org/a%00b"}],
            "datasets.folders.downloads.0: the file's name 'a\\x00b' holds a control character",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_file_and_no_number_can_be_is_named(path: str, value: Any, words: str) -> None:
    with pytest.raises(UserError) as error:
        read_configuration(replaced(tuple(path.split(".")), value))
    assert words in str(error.value)


def test_many_problems_are_not_all_told() -> None:
    with pytest.raises(UserError) as error:
        read_configuration(replaced(("banks", "cnn", "layers"), list(range(1000))))
    assert str(error.value).endswith("and 961 more\nEvery key is described in docs/reference.md.")


@given(st.text() | st.lists(st.text(min_size=100)) | st.integers())
def test_a_quotation_is_one_short_line(value: Any) -> None:
    for text in (shown(value), shortened(str(value))):
        assert len(text) <= WIDTH
        assert text.isprintable()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n",
            ("line 5: `a`, as in line 1", "line 4: `c`, as in li"),
        ),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', ("the key `c` stands twice",)),
        ('{"a": ]', ("is no YAML",)),
        ("- 1\n", ("sections such as `datasets:`", "got a list")),
        ("only words", ("got a str",)),
        ("a:\n\tb: 1\n", ("is no YAML, line 2 (`b: 1`): found character '\\t'",)),
        (f"a:\n  b: {'9' * 5000}", ("line 2 (`b: 999", "999`): an integer of more than 4,300 fig")),
        ("a: 2020-02-31", ("line 1 (`a: 2020-02-31`): day is out of range",)),
        ("[" * 600, ("nested too deep",)),
        ("? [1, 2]\n: 3", ("line 1", "unhashable key")),
        ("a: *b", ("undefined alias",)),
        ("a: !!python/name:os.system", ("could not determine a constructor",)),
        ("a: 1\n---\nb: 1", ("another document",)),
        ("a: &a {x: *a}", ("holds itself",)),
        ("a: &a [1, [*a]]", ("holds itself",)),
        ("a: \0", ("special characters are not allowed",)),
    ],
)
def test_a_file_that_is_no_configuration_is_named_in_one_line(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_yaml(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 300
    assert all(word in message for word in words), message
    with pytest.raises(UserError, match=str(path)):
        merged_values([path])


@pytest.mark.parametrize("data", [b"", b"# nothing yet\n", b"\xef\xbb\xbf"])
def test_an_empty_file_changes_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "c.yaml").write_bytes(data)
    assert read_yaml(tmp_path / "c.yaml") == {}


def test_json_may_have_tabs(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n')
    assert read_yaml(tmp_path / "c.json") == {"a": {"b": 1}}


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xff")
    for path, words in (
        (tmp_path / "c.yaml", "is no UTF-8 text"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none.yaml", "there is no such file"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(UserError, match=words):
            read_yaml(path)


def test_a_merge_of_a_merge_is_no_repetition_wherever_it_stands(tmp_path: Path) -> None:
    text = "a:\n  b: &b {u: 3}\n  c:\n    d: &d {<<: *b, u: 5}\ne: {f: {<<: *d}}\n"
    (tmp_path / "c.yaml").write_text(text)
    assert read_yaml(tmp_path / "c.yaml")["e"] == {"f": {"u": 5}}
    (tmp_path / "c.yaml").write_text(text + "g: {<<: *d, k: 1, k: 2}\n")
    with pytest.raises(UserError, match="line 6: `k`, as in line 6"):
        read_yaml(tmp_path / "c.yaml")


def test_anchors_and_merges_are_no_repetition(tmp_path: Path) -> None:
    bomb = "a0: &a0 [ha]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
    )
    (tmp_path / "c.yaml").write_text(f"{bomb}b: &b {{k: 1}}\nc: {{<<: *b, k: 2}}\n")
    start = time.monotonic()
    content = read_yaml(tmp_path / "c.yaml")
    assert content["c"] == {"k": 2}
    with pytest.raises(UserError, match="holds more than 20000 values"):
        read_configuration({**WHOLE, **content})
    assert time.monotonic() - start < 10
