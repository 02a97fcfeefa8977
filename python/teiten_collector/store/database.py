"""The SQL database of registry and ledger: SQLite in the store's directory, or any other by URL."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from teiten_collector.store.errors import StoreError
from teiten_collector.store.lock import exclusive

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_NAME: Final = "registry.sqlite"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
BUSY_MILLISECONDS: Final = 30_000
"""How long a writer waits for another one: transactions are short, only a hanging process takes longer."""

_WRITES: Final = "teiten_writes"
_SYNCS: Final = "teiten_syncs"


def connect(directory: Path, url: str) -> Engine:
    """Opens the database; an empty URL means SQLite in the directory. Its schema is not looked at.

    Raises:
        StoreError: The URL is malformed or its driver is not installed.
    """
    try:
        target = make_url(url) if url else make_url("sqlite://").set(database=str(directory / FILE_NAME))
        database = create_engine(target, pool_pre_ping=target.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"no database can be reached by this URL ({error})",
            place="[store] url",
            remedy="use postgresql+psycopg://USER@HOST/NAME and install that driver, or leave it empty",
        ) from error
    if target.get_backend_name() == "sqlite":
        event.listen(database, "connect", _prepare_sqlite)
        event.listen(database, "begin", _begin_sqlite)
    return database


@contextmanager
def reading(database: Engine) -> Iterator[Connection]:
    """A transaction that only reads: one state of the database."""
    with _reported(), database.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(database: Engine, *, durable: bool = True) -> Iterator[Connection]:
    """A transaction that writes; it waits for other writers when it begins.

    Durable when the block ends. One that need not be is so, in SQLite, with the next that is: a power cut
    before takes it back whole, together with all that came after it.
    """
    with (
        _reported(),
        database.connect().execution_options(**{_WRITES: True, _SYNCS: durable}) as connection,
        connection.begin(),
    ):
        yield connection


def migrate(database: Engine, directory: Path, *, allowed: bool = True) -> None:
    """Brings the schema up to this program's version; one process at a time.

    Args:
        database: From `connect`.
        directory: The store's directory, for the lock.
        allowed: False: refuse a schema that is older.

    Raises:
        StoreError: The schema is of a later program, or older and may not be brought up.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    head = script.get_current_head()
    if _revision(database) == head:
        return
    with exclusive(directory / "migrate.lock"):
        found = _revision(database)
        if found == head:
            return
        known = {revision.revision for revision in script.walk_revisions()}
        if found is not None and found not in known:
            raise StoreError(
                f"the database is of a later version ({found}) than this program ({head})",
                place=database.url.render_as_string(),
                remedy="use the program that wrote it",
            )
        if not allowed:
            raise StoreError(
                f"the database's schema is {found or 'absent'}, this program's is {head}",
                place=database.url.render_as_string(),
                remedy="run teiten-collector migrate",
            )
        with writing(database) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def schema_version(database: Engine) -> str:
    """The version of the schema that is in force; empty before the first migration."""
    return _revision(database) or ""


def _revision(database: Engine) -> str | None:
    with reading(database) as connection:
        return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _reported() -> Iterator[None]:
    """Turns what the driver says into an error a person can act on; a broken constraint stays what it is."""
    try:
        yield
    except SQLAlchemyError as error:
        if type(error).__name__ == "IntegrityError":
            raise
        cause = str(getattr(error, "orig", None) or error)
        raise StoreError(f"the database failed: {cause}", place="[store]") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
    # Transactions are begun by `_begin_sqlite`: the driver would begin them at the first write, too late to
    # wait.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_WRITES, False):
        connection.exec_driver_sql("BEGIN")
        return
    # FULL: which batches a group holds must be on disk before the group reaches the tables.
    connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options.get(_SYNCS, True) else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
