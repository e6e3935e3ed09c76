"""MLflow's database in an SQLite file: it is created whole, and a damaged one is one sentence."""

import logging
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import atomic_write, exclusive_lock

logger = logging.getLogger(__name__)

SCHEME = "sqlite:///"
JOURNALS = ("-journal", "-wal", "-shm")  # files that SQLite keeps beside a database
CREATION_SECONDS = 300  # it takes seconds; another run that creates the same database is waited for
STILL_SECONDS = 15  # an incomplete database that has not changed for so long is nobody's work


def create_database(uri: str) -> None:
    """Create the database if there is none. A reader sees no database or a whole one.

    MLflow creates the tables in place, in many steps: a kill in between leaves a file that MLflow cannot complete. Such
    a file has no experiments and counts as absent; it is renamed, not removed.

    Args:
        uri: the tracking URI; only `sqlite:///PATH` is a file.

    Raises:
        HandGesturesError: the database cannot be created, or another run has been creating it for minutes.
    """
    path = _database_path(uri)
    if path is None or _is_complete(path):
        return
    with exclusive_lock(path.parent, f".{path.name}.lock", wait_seconds=CREATION_SECONDS):
        if not _is_complete(path) and _move_incomplete(path):
            _create(path)


def require_database(uri: str) -> None:
    """Check that a local database of MLflow can be read: MLflow itself tries for minutes and ends with a traceback.

    Args:
        uri: the tracking URI; only `sqlite:///PATH` with an existing path is checked.

    Raises:
        HandGesturesError: the file is cut off or is not a database.
    """
    path = _database_path(uri)
    if path is None or not path.exists():
        return
    try:
        if not path.is_file():
            raise sqlite3.DatabaseError("it is not a file")
        with closing(sqlite3.connect(path, timeout=1)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:  # locked, for example: MLflow waits for that
        return
    except sqlite3.DatabaseError as error:
        raise HandGesturesError(
            f"runs are recorded in an SQLite database, but {path.absolute()} cannot be read as one ({error}); restore "
            "it from a copy, or move it away and run again: MLflow then starts with an empty one"
        ) from error


def _database_path(uri: str) -> Path | None:
    name = uri.removeprefix(SCHEME).partition("?")[0]
    return Path(name) if uri.startswith(SCHEME) and name not in ("", ":memory:") else None


def _is_complete(path: Path) -> bool:
    """Whether the file is not the rest of an interrupted creation: MLflow creates its first experiment at the end."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=STILL_SECONDS)) as database:
            return bool(database.execute("SELECT count(*) FROM experiments").fetchone()[0])
    except sqlite3.OperationalError as error:
        return "no such table" not in str(error)  # another program uses the database
    except sqlite3.DatabaseError:
        return True  # damaged: `require_database` says so


def _move_incomplete(path: Path) -> bool:
    """Make room for a new database; False where another program has completed the old one meanwhile."""
    if path.exists():
        while (age := time.time() - path.stat().st_mtime) < STILL_SECONDS:
            logger.warning("%s is incomplete; waiting whether another program completes it", path)
            time.sleep(max(0.0, STILL_SECONDS - age))
            if _is_complete(path):
                return False
        moved = path.replace(path.with_name(path.name + ".incomplete"))
        logger.warning("the creation of %s was interrupted and is repeated; the incomplete file is now %s", path, moved)
    for journal in JOURNALS:
        path.with_name(path.name + journal).unlink(missing_ok=True)  # SQLite would apply it to the new database
    return True


def _create(path: Path) -> None:
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    prefix = f".{path.name}.new-"
    for leftover in path.parent.glob(prefix + "*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # A folder, since SQLite writes further files beside the database; with a new name, since MLflow keeps connections.
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        SqlAlchemyStore(f"{SCHEME}{folder / path.name}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine.dispose()
        with atomic_write(path) as partial:
            (folder / path.name).rename(partial)
            if left := [item.name for item in folder.iterdir()]:
                raise OSError(f"{left} still hold a part of it")
    except (OSError, SQLAlchemyError, MlflowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise HandGesturesError(
            f"runs are recorded in an SQLite database, but {path.absolute()} could not be created ({reason}); free "
            "disk space or make the folder writable, and run again"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
