"""Structured logs on standard error: static messages with fields, one line each, as JSON or for a console.

Personal data never stands in them: fields that could hold any are masked, and values of other types than plain ones are not printed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Literal

import structlog
from structlog.typing import Processor

MASK = "‹masked›"
PERSONAL = frozenset(
    {
        *("ani", "caller", "caller_id", "number", "phone", "name", "address", "email", "digits", "key"),
        *("text", "heard_text", "transcript", "utterance", "words", "briefing", "prompt", "answer"),
    }
)
"""Field names whose values are masked wherever they stand."""

_OWN = frozenset({"event", "level", "timestamp", "logger", "call_id", "exc_info", "exception", "stack_info", "_record", "_from_structlog"})


def configure(level: Literal["debug", "info", "warning", "error"] = "info", style: Literal["json", "console"] = "json") -> None:
    """Set up structlog, and the standard library's logging for what libraries say (from warning on). Call once, at start."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_common(), processors=_last(style)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("voicebot").setLevel(level.upper())
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_common(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # module loggers made before this call must follow it
    )


def of_call(call_id: str) -> AbstractContextManager[None]:
    """Within it every log line of this task, and of the tasks it starts, carries `call_id`."""
    return structlog.contextvars.bound_contextvars(call_id=call_id)


def mask_personal_data(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: mask fields that could hold personal data, at any depth."""
    for key, value in fields.items():
        if key not in _OWN:
            fields[key] = _masked(key, value)
    return fields


def _masked(key: str, value: Any) -> Any:
    if key.lower() in PERSONAL:
        return MASK
    if isinstance(value, Mapping):
        return {str(inner): _masked(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, held) for held in value]
    return value if isinstance(value, str | int | float | None) else f"<{type(value).__name__}>"


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_personal_data,
    ]


def _last(style: Literal["json", "console"]) -> list[Processor]:
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if style == "console":
        return [clean, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [clean, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
