"""The embedded engine: DuckDB in memory, spilling to a private folder, locked to the files it was given."""

import glob
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import duckdb
import numpy as np
from numpy.typing import NDArray

from abimpact import addresses
from abimpact.errors import DataError, UsageError
from abimpact.read.engine import EngineError, family, first_line
from abimpact.read.scratch import Scratch
from abimpact.spec.expression import literal

T = TypeVar("T")
# What engines raise for SQL that they cannot run.
FAILURES = (duckdb.Error, EngineError)


class DuckDBEngine:
    """One connection. After `lock` it can read the given files and its own temporary folder, and nothing else."""

    def __init__(self, *, memory_limit: str | None = None, threads: int | None = None) -> None:
        """`threads` defaults to all cores.

        `memory_limit` as DuckDB writes it (4GB, 500MiB, 80%), by default the less of 80 % and what `ulimit -v` leaves.
        """
        self._stopped: BaseException | None = None
        self._scratch = Scratch()
        try:
            self._connection = duckdb.connect()
            self._set_up(memory_limit, threads)
        except BaseException:
            self._scratch.remove()
            raise

    def _set_up(self, memory_limit: str | None, threads: int | None) -> None:
        self.execute(f"SET temp_directory = {literal(self._scratch.spill)}")
        self.execute("SET TimeZone = 'UTC'")
        # In a notebook without ipywidgets there is no bar to turn off, and asking for it is an error.
        with suppress(duckdb.InvalidInputException):
            self.execute("SET enable_progress_bar = false")
        if threads is not None:
            self.execute(f"SET threads = {threads}")
        if memory_limit is not None:
            try:
                self.execute(f"SET memory_limit = {literal(memory_limit)}")
            except duckdb.Error as error:
                raise UsageError(
                    f"--memory-limit {memory_limit!r} is not a size.", "Write it like 4GB or 500MB."
                ) from error
        elif left := addresses.left_for_engine():
            ((usual,),) = self.rows("SELECT parse_formatted_bytes(current_setting('memory_limit'))")
            self.execute(f"SET memory_limit = '{min(left * addresses.MEGABYTE, usual)}B'")

    def stop_if_fails(self, futures: Iterable[Future[Any]]) -> None:
        """End the running query, and let no other begin, with the error of the first of `futures` that fails."""
        for future in futures:
            future.add_done_callback(self._stop)

    def _stop(self, future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()):
            self._stopped = error
            with suppress(duckdb.Error):  # it may be closed
                self._connection.interrupt()

    def lock(self, files: Sequence[str]) -> None:
        """Allow reading `files` only, and no further change of settings."""
        # A reader takes every name for a glob, and is allowed the pattern as well as the file that it matches. A
        # database may have its last changes in a file beside it.
        listed = ", ".join(literal(name) for f in files for name in {f, glob.escape(f), f"{f}.wal"})
        self.execute(f"SET allowed_paths = [{listed}]")
        self.execute(f"SET allowed_directories = [{literal(self._scratch.spill)}]")
        self.execute("SET enable_external_access = false")
        self.execute("SET lock_configuration = true")

    @property
    def is_remote(self) -> bool:
        """Never: the rows are in this process."""
        return False

    @property
    def name(self) -> str:
        """Engine and version."""
        return f"duckdb {duckdb.__version__}"

    def register(self, name: str, table: object) -> None:
        """Make an Arrow table or a data frame readable as relation `name`."""
        self._connection.register(name, table)

    def execute(self, sql: str) -> None:
        """Run a statement; out of memory becomes an error that names the option."""
        self._run(sql, lambda _: None)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result as a list of tuples."""
        return self._run(sql, lambda result: result.fetchall())

    def query(self, sql: str) -> dict[str, NDArray[np.generic]]:
        """The result as one numpy array a column."""
        found = self._run(sql, lambda result: result.fetchnumpy())
        return {name: np.asarray(values) for name, values in found.items()}

    def describe(self, relation: str) -> dict[str, str]:
        """Column names and type families of a relation or a table function call."""
        return {row[0]: family(row[1]) for row in self.rows(f"DESCRIBE SELECT * FROM {relation}")}

    def close(self) -> None:
        """Close the connection and remove the temporary folder."""
        try:
            self._connection.close()
        finally:
            self._scratch.remove()

    def _run(self, sql: str, fetch: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        if self._stopped:
            raise self._stopped
        try:
            return fetch(self._connection.execute(sql))
        except duckdb.InterruptException as error:
            raise self._stopped or error from error
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            said = self._exhausted(error)
            if said is None:
                raise
            raise said from error
        except duckdb.InvalidInputException as error:
            if "cannot encode str as UTF-8" not in str(error):
                raise
            raise DataError(
                "The name of a file or column is not UTF-8 text.",
                "Rename it; if it is right and the locale is not, set PYTHONUTF8=1.",
            ) from error
        except RuntimeError as error:
            if self._stopped:
                raise self._stopped from error
            # So DuckDB reports Ctrl-C.
            if "interrupted" in str(error):
                raise KeyboardInterrupt from error
            raise

    def _exhausted(self, error: duckdb.Error) -> DataError | None:
        """What to say where memory or the disk for temporary files ran out; None for any other error."""
        said = first_line(error).rstrip(".")
        if "failed to offload" in said or self._scratch.spill in str(error):
            return DataError(
                f"There is no room left for temporary files in {self._scratch.place}: {said}.",
                "Free some, let TMPDIR name another folder, or give more memory with --memory-limit.",
            )
        if isinstance(error, duckdb.OutOfMemoryException):
            return DataError(
                f"The memory limit was reached: {said}.",
                "Give more with --memory-limit, or free space in the folder for temporary files.",
            )
        return None
