"""Settings of which a job is told a part: the rest cannot be read.

What a job can read of the configuration is what it runs again for, so that no job depends on a key
whose change would go unnoticed.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from sjft.settings.base import Settings

Section = TypeVar("Section", bound=Settings)


def known_part(section: type[Section], *parts: Mapping[str, Any]) -> Section:
    """A section with the keys of ``parts`` alone; reading another one is an `AttributeError`.

    Their values are plain, as `model_dump` gives them, and were validated with the whole
    configuration; sections within this one are parts likewise. Of two values of a key the last one
    holds.
    """
    values = {name: value for part in parts for name, value in part.items()}
    part = cast(Section, section.model_construct(_fields_set=set(values)))
    part.__dict__.clear()
    for name, value in values.items():
        kind: Any = section.model_fields[name].annotation
        if isinstance(kind, type) and issubclass(kind, Settings):
            part.__dict__[name] = known_part(kind, value)
        else:
            part.__dict__[name] = TypeAdapter(kind).validate_python(value)
    return part
