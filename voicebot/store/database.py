"""Opens the database behind the journal, whichever it is, and brings its tables up to date.

Everything that differs between SQLite and PostgreSQL stands here. Never creates a database for a reader.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Insert, Table, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from voicebot.errors import StoreError

WRITER_BUSY_MS = 1_000
"""How long the writer waits for another process's lock before it spools. Shorter: less is lost to a kill while waiting."""
READER_BUSY_MS = 5_000

OPENING_S = 3.0
"""How long a file that others hold is tried to be opened: processes that make a new one at once wait for each other."""

_CONNECTIONS = 2
"""On an SQLite file: one writes, one reads."""
_CACHE_KB = 512
"""What each keeps of the file in memory; the default, four times that, takes thousands of calls to fill."""
_OPENING_PAUSES_S = (0.02, 0.5)
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}
_LASTING = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT}
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """The journal's database as its one writer has it: locked, full or failing at times, even taken away and made anew."""

    def __init__(self, url: str) -> None:
        """Raises StoreError for a URL or path that can never be written."""
        self._url = _parsed(url)
        _make_file(self._url)
        self.engine = _engine(self._url, WRITER_BUSY_MS)
        self._file: tuple[int, int] | None = None

    async def open(self) -> str:
        """Bring the tables up to date. Returns why it takes nothing yet, when it is locked, full or damaged; else "". Raises StoreError for what is
        not the journal or no database at all."""
        try:
            await self._there()
        except StoreError as error:
            if isinstance(error.__cause__, DBAPIError) and _code(error.__cause__) in _PASSING | _LASTING:
                return str(error)
            await self.close()
            raise
        return ""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes. Raises StoreError, SQLAlchemyError or OSError; connections that may be spoilt are opened anew the next time."""
        await self._there()
        try:
            async with writing(self.engine).begin() as connection:
                yield connection
        except DBAPIError as error:
            if _code(error) not in _PASSING:
                await self.engine.dispose()
            raise

    async def close(self) -> None:
        """Let go of the database."""
        await self.engine.dispose()

    async def _there(self) -> None:
        """SQLite goes on writing to a file that was deleted, for nobody to read: so look whether it is still the one that was opened."""
        found = await asyncio.to_thread(_identity, self._url)
        if self._file and found == self._file:
            return
        if self._file:
            await self.engine.dispose()
        await asyncio.to_thread(_make_file, self._url)
        await _checked(self.engine, self._url, _migrate)
        self._file = await asyncio.to_thread(_identity, self._url) or (0, 0)


async def open_writing(url: str) -> AsyncEngine:
    """An engine on an existing or new database, migrated to the newest tables. Raises StoreError."""
    database = Database(url)
    if why := await database.open():
        await database.close()
        raise StoreError(why)
    return database.engine


async def open_reading(url: str) -> AsyncEngine:
    """An engine on a database that must be there. Raises StoreError."""
    parsed = _parsed(url)
    path = sqlite_file(parsed)
    if path is not None and not path.exists():
        raise StoreError(f"{path}: no journal here yet; `voicebot serve` makes it with the first call, or set [store] url")
    return await _checked(_engine(parsed, READER_BUSY_MS), parsed, _ping)


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite database; None for one in memory and for other databases."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def insert_new(dialect: str, table: Table) -> Insert:
    """INSERT that leaves rows alone whose place is taken: writing the same lines again changes nothing."""
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


async def alone(connection: AsyncConnection, table: Table) -> None:
    """Nobody else writes into `table` until this transaction is over; who wants to, waits. On SQLite that holds of every transaction that writes."""
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def plain(error: Exception) -> str:
    """The driver's own message in one line, without the SQL and its values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return " ".join(str(cause).split()) or type(cause).__name__


def writing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for transactions that write: SQLite takes its lock at BEGIN, where waiting for it is possible."""
    return engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")


def stating(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for one statement that writes: SQLite holds its lock for that alone, however busy this process is meanwhile."""
    return engine.execution_options(sqlite_begin="")


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise StoreError("[store] url: not a database URL; write sqlite+aiosqlite:///var/voicebot.db") from None


def _make_file(url: URL) -> None:
    path = sqlite_file(url)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # callers' words: for the owner only; SQLite gives its -wal and -shm files the same mode
    except OSError as error:
        raise StoreError(f"{path}: the journal cannot be written here: {error.strerror}; set [store] url") from None


def _engine(url: URL, busy_ms: int) -> AsyncEngine:
    try:
        pool = {"pool_size": _CONNECTIONS, "max_overflow": 0, "pool_timeout": READER_BUSY_MS / 1_000} if sqlite_file(url) else {}
        engine = create_async_engine(url, hide_parameters=True, json_serializer=str, json_deserializer=str, **pool)
    except NoSuchModuleError:
        raise StoreError(f"[store] url: unknown database {url.drivername!r}; use sqlite+aiosqlite or postgresql+asyncpg") from None
    except ModuleNotFoundError as error:
        raise StoreError(f"[store] url: {url.drivername} needs the package {error.name}; install it with pip") from None
    except InvalidRequestError:
        raise StoreError(f"[store] url: {url.drivername!r} cannot be used; use sqlite+aiosqlite or postgresql+asyncpg") from None
    if url.get_backend_name() == "sqlite":
        _set_up_sqlite(engine, busy_ms)
    return engine


def _set_up_sqlite(engine: AsyncEngine, busy_ms: int) -> None:
    """BEGIN is ours, not the driver's, so that DDL is in the transaction and writers lock at once
    (https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable)."""

    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={busy_ms}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "secure_delete=ON",
            f"cache_size=-{_CACHE_KB}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def began(connection: Connection) -> None:
        if begin := connection.get_execution_options().get("sqlite_begin", "BEGIN"):
            connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", began)


async def _checked(engine: AsyncEngine, url: URL, check: Callable[[AsyncEngine], Awaitable[None]]) -> AsyncEngine:
    where = sqlite_file(url) or url.render_as_string(hide_password=True)
    try:
        await check(engine)
    except CommandError:
        await engine.dispose()
        raise StoreError(f"{where}: written by a newer voicebot; upgrade this one") from None
    except (SQLAlchemyError, OSError) as error:
        await engine.dispose()
        raise StoreError(f"{where}: cannot be used as the journal: {plain(error)}; see [store] url") from error
    return engine


def _code(error: DBAPIError) -> int:
    """SQLite's primary result code (https://sqlite.org/rescode.html), 0 from another database."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _identity(url: URL) -> tuple[int, int] | None:
    path = sqlite_file(url)
    if path is None:
        return 0, 0
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


async def _ping(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SELECT 1 FROM calls LIMIT 1")


async def _migrate(engine: AsyncEngine) -> None:
    """Tries again while the file is locked: the switch of a new file to WAL does not wait for another process that makes it too."""
    until_s = asyncio.get_running_loop().time() + OPENING_S
    pause_s, longest_s = _OPENING_PAUSES_S
    while True:
        try:
            return await _migrated(engine)
        except OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or asyncio.get_running_loop().time() > until_s:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, longest_s)


async def _migrated(engine: AsyncEngine) -> None:
    async with writing(engine).begin() as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # two processes may start at once; SQLite's BEGIN IMMEDIATE does the same
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8271934605)")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
