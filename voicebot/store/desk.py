"""The desk's way into the database: transactions on its own tables, reads of the journal. It never writes a line of a call's record.

Rows come back as frozen dataclasses; times are aware UTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from voicebot.errors import StoreError
from voicebot.store.database import open_writing, plain, stating, writing


class TakenError(StoreError):
    """A name, a phone or a person is taken already."""


class DeskStore:
    """One engine for all that the desk keeps. Made by `open`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[DeskStore]:
        """On an existing or new database, brought up to date. Raises StoreError."""
        engine = await open_writing(url)
        try:
            yield cls(engine)
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with. Raises StoreError."""
        try:
            async with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"the desk's tables cannot be read: {plain(error)}") from None

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction. Raises TakenError when a row is there already, StoreError for all else."""
        return self._changing(writing(self._engine))

    def stating(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """For one statement that writes: the journal waits for it no longer than it takes. Raises as `writing` does."""
        return self._changing(stating(self._engine))

    @asynccontextmanager
    async def _changing(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        try:
            async with engine.begin() as connection:
                yield connection
        except IntegrityError as error:
            raise TakenError(plain(error)) from None
        except SQLAlchemyError as error:
            raise StoreError(f"the desk's tables cannot be written: {plain(error)}") from None

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[AsyncConnection]:
        """A connection outside of any transaction, for the database's own upkeep. Raises StoreError."""
        try:
            async with self._engine.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")
        except SQLAlchemyError as error:
            raise StoreError(f"the database's upkeep failed: {plain(error)}") from None
