"""The section [customers]: where the operator's customer data is, and whether callers who were served are asked for a mark. Only what may be written
there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Customers(BaseModel):
    """The directory of customers. Without one the bot answers from the knowledge base alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    source: Literal["none", "database", "http"] = "none"
    url: str = "sqlite+aiosqlite:///var/customers.db"
    """An SQLAlchemy async URL, or the base URL of the HTTP interface."""
    secret: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,40}$")] = ""
    """Names a file in the folder of secrets; what it holds is sent to the HTTP interface as a bearer token."""
    survey: bool = False
    """Ask a caller who was served for a mark, one to five."""
