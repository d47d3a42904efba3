"""Every setting with its default and its meaning, as a settings file that loads: made from the settings themselves, never out of date."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from voicebot.settings import Settings

WIDTH = 110


def reference() -> str:
    """A TOML file that sets everything to its default; what has none stands commented out."""
    return "\n".join(_section(Settings(), "")).lstrip("\n") + "\n"


def _section(model: BaseModel, name: str) -> Iterator[str]:
    """Its own keys first, then the sections in it."""
    fields = type(model).model_fields
    inner = {key: getattr(model, key) for key in fields if _is_section(fields[key], getattr(model, key))}
    if name:
        yield from ("", *_comment(type(model).__doc__ or ""), f"[{name}]")
    for key, field in fields.items():
        if key not in inner:
            yield from _key(key, field, getattr(model, key))
    for key, value in inner.items():
        yield from _inner(f"{name}.{key}".lstrip("."), fields[key], value)


def _inner(name: str, field: FieldInfo, value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from _section(value, name)
    elif value:
        for key, each in value.items():
            yield from _section(each, f"{name}.{key}")
    else:
        yield from ("", *_comment(field.description or ""), *(f"# {line}".rstrip() for line in _example(name, field)))


def _example(name: str, field: FieldInfo) -> Iterator[str]:
    """The keys of a section that is not there by default."""
    model = next(found for found in _models(field.annotation))
    many = get_origin(field.annotation) is dict
    yield f"[{name}.NAME]" if many else f"[{name}]"
    for key, inner in model.model_fields.items():
        default = inner.get_default(call_default_factory=True, validated_data={})
        yield f"{key} =" if inner.is_required() or default is None or isinstance(default, BaseModel) else f"{key} = {_toml(default)}"


def _key(key: str, field: FieldInfo, value: Any) -> Iterator[str]:
    yield from _comment(field.description or "")
    yield f"# {key} =" if value is None else f"{key} = {_toml(value)}"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), WIDTH)]


def _is_section(field: FieldInfo, value: Any) -> bool:
    of_models = any(True for _ in _models(field.annotation))
    return of_models and (isinstance(value, BaseModel | Mapping) or value is None)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (dict, Union) or isinstance(annotation, type(int | None)):
        for part in get_args(annotation):
            yield from _models(part)


def _toml(value: Any) -> str:
    """A value that TOML writes as JSON does; a table within one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
