"""Only the imports that a report cannot do without."""

import duckdb  # noqa: F401
import numpy  # noqa: F401
import rich.console  # noqa: F401
import scipy.special  # noqa: F401
import typer  # noqa: F401
