"""YAML, read strictly (what it lets pass in silence is said with its line), and written."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sjft.errors import UserError
from sjft.settings.quoting import shortened


class _StrictLoader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """Notes keys that stand twice as they are written, before a merge (`<<`) adds any.

    Says in which line a value cannot be read.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.twice: list[str] = []

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        """A section as it stands in the text; of keys that stand twice, the last one wins."""
        node = super().compose_mapping_node(anchor)
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            # A merge, `<<`, may stand several times, and what is beside it wins.
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in first:
                    name = shortened(key.value)
                    self.twice.append(f"line {line}: `{name}`, as in line {first[key.value]}")
                first.setdefault(key.value, line)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Python's value of a node."""
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # an integer of too many figures, a 30th of February
            too_long = "set_int_max_str_digits" in str(error)
            problem = "an integer of more than 4,300 figures" if too_long else str(error)
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a file holds; an empty file is an empty one.

    Raises `UserError`, naming file and line, for a file that is missing, cannot be read, is no YAML
    (JSON is), holds no mapping, or names a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise UserError(f"{shortened(str(path), 200)}: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{shortened(str(path), 200)}: is no UTF-8 text ({error}).") from None
    if text.lstrip()[:1] == "{" and (values := _json(path, text)) is not None:
        return values
    try:
        loader = _StrictLoader(text)
        content = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        problem = shortened(error.problem or error.context or "", 200)
        where = _line_of(error.problem_mark, text)
        raise UserError(f"{path}: is no YAML{where}: {problem}.") from None
    except yaml.YAMLError as error:
        problem = shortened(" ".join(str(error).split()), 200)
        raise UserError(f"{path}: is no YAML: {problem}.") from None
    except RecursionError:
        raise UserError(f"{path}: is no configuration: it is nested too deep.") from None
    if loader.twice:
        raise UserError(
            f"{path}: a key may stand once in its section; it stands twice in "
            f"{'; '.join(loader.twice[:10])}. Remove one of the two, or put them together."
        )
    if content is None:
        return {}
    if _holds_itself(content, set(), set()):
        raise UserError(
            f"{path}: a section or list holds itself, by YAML's `&` and `*`. Write out what is "
            "meant."
        )
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: sections such as `datasets:` and `experiments:` are expected at the top, got "
            f"a {type(content).__name__}."
        )
    return content


def _holds_itself(value: object, above: set[int], seen: set[int]) -> bool:
    """Whether what lies ``above`` a value is met again in it; what was ``seen`` to be sound is."""
    if not isinstance(value, dict | list) or id(value) in seen:
        return False
    if id(value) in above:
        return True
    above.add(id(value))
    below = value.values() if isinstance(value, dict) else value
    found = any(_holds_itself(each, above, seen) for each in below)
    above.discard(id(value))
    seen.add(id(value))
    return found


def _json(path: Path, text: str) -> dict[str, Any] | None:
    """The mapping that a text in JSON holds, where tabs may stand; None where it is no JSON."""

    def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = Counter(name for name, _ in pairs)
        if twice := [name for name, times in names.items() if times > 1]:
            raise UserError(f"{path}: the key `{shortened(twice[0])}` stands twice in a section.")
        return dict(pairs)

    try:
        content = json.loads(text, object_pairs_hook=each_once)
    except (ValueError, RecursionError):  # YAML begins like this too, and says what is wrong
        return None
    return content if isinstance(content, dict) else None


def _line_of(mark: yaml.Mark | None, text: str) -> str:
    """The number of a line and the line itself, where there is one."""
    lines = text.splitlines()
    if mark is None or mark.line >= len(lines):
        return ""
    return f", line {mark.line + 1} (`{shortened(lines[mark.line].strip())}`)"


def as_yaml(values: Mapping[str, Any]) -> str:
    """Plain values as YAML in their own order, the innermost lists and sections on a line each."""
    text: str = yaml.safe_dump(
        dict(values), sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return text
