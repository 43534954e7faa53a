"""What pydantic found wrong in the configuration, told with the key as it stands in the file."""

import difflib
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sjft.settings.plain_values import dotted
from sjft.settings.quoting import shortened, shown
from sjft.settings.replaced_keys import what_instead

# Of a section's own message, which quotes some of its values.
LONGEST_MESSAGE = 240


def explain(details: ErrorDetails, raw: Mapping[str, Any], model: type[BaseModel]) -> str:
    """One line about an error of ``model``, found in ``raw``, that begins with the key."""
    location = details["loc"]
    key = dotted(_path_in_file(location, raw))
    if details["type"] == "extra_forbidden":
        section, name = _model_at(location[:-1], model), str(location[-1])
        path = _path_in_file(location[:-1], raw)
        instead = what_instead(section, path, name, details["input"])
        return f"{key}: {instead or f'unknown key; {choices(name, list(section.model_fields))}'}"
    if details["type"] == "missing":
        return f"{'.'.join(filter(None, [key, str(location[-1])]))}: this key is required"
    if details["type"] == "union_tag_not_found":
        return f"{key}: the key {details['ctx']['discriminator']} is required"
    if details["type"] == "union_tag_invalid":
        tag = str(details["ctx"]["tag"])
        return f"{key}: {details['msg'].replace(tag, shortened(tag))}"
    if details["type"] == "value_error":
        message = details["msg"].removeprefix("Value error, ")
        return f"{key}: {shortened(message, LONGEST_MESSAGE)}" if key else message
    quotes = details["type"] == "string_type" and isinstance(details["input"], int | float)
    advice = ": put it into quotes" if quotes else ""
    return f"{key}: {details['msg']}, got {shown(details['input'])}{advice}"


def choices(name: str, allowed: Sequence[str]) -> str:
    """The allowed spelling that is nearest to a name, and all that are allowed."""
    near = difflib.get_close_matches(name[:LONGEST_MESSAGE], allowed, n=1)
    guess = f"did you mean `{near[0]}`? " if near else ""
    return f"{guess}Allowed: {', '.join(allowed) or '(there are none)'}"


def _path_in_file(location: tuple[int | str, ...], raw: object) -> tuple[str, ...]:
    """The location as it is written in the file: without the tags of pydantic's unions."""
    path = []
    value: Any = raw
    for part in location:
        in_mapping = isinstance(value, Mapping) and part in value
        if in_mapping or (isinstance(value, list | tuple) and part in range(len(value))):
            value = value[part]
            path.append(str(part))
    return tuple(path)


def _model_at(location: tuple[int | str, ...], top: type[BaseModel]) -> type[BaseModel]:
    """The model that stands at a location of a pydantic error."""
    kind: Any = top
    for part in location:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif get_origin(kind) is tuple:
            kind = get_args(kind)[0]
        else:  # a union: the part is the tag of one of its members
            kind = next(m for m in _members(kind) if part in _tags(m))
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        kind = next(m for m in _members(kind) if issubclass(m, BaseModel))
    found: type[BaseModel] = kind
    return found


def _members(kind: object) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [m for m in get_args(kind) if m is not types.NoneType]
    return [kind]


def _tags(model: type[BaseModel]) -> set[str]:
    return {
        tag
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
        for tag in get_args(field.annotation)
    }
