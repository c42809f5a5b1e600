"""What is timed: abimpact, what people would use instead, and the logs that both are given."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
OWN = (str(ROOT),)
TEA_TASTING = ("tea-tasting==2.0.0", "polars==2.1.0")
DUCKDB = ("duckdb==2.0.0",)
SIZES = {"10k": 10_000, "1M": 1_000_000, "10M": 10_000_000, "100M": 100_000_000}
# Their events are some five million rows.
USERS_WITH_EVENTS = 1_000_000


def script(name: str) -> str:
    """The path of a peer's script."""
    return str(HERE / "peers" / name)


@dataclass(frozen=True)
class Peer:
    """A command to time: its label, what it does, its packages, and its arguments (FILE stands for the log).

    `python` is the version it needs, if it cannot run on the one that runs this script.
    """

    label: str
    does: str
    packages: tuple[str, ...]
    arguments: tuple[str, ...]
    python: str | None = None


REPORT = ("-m", "abimpact", "report", "FILE", "-c", str(HERE / "abimpact.toml"), "-q")
PEERS = {
    "abimpact": Peer("abimpact", "tests, bootstrap, checks", OWN, REPORT),
    "no-bootstrap": Peer("abimpact --resamples 0", "tests, checks", OWN, (*REPORT, "--resamples", "0")),
    "tea-tasting": Peer(
        "tea-tasting 2.0 (polars)",
        "tests",
        TEA_TASTING,
        (script("with_tea_tasting.py"), "FILE"),
        python="3.12",
    ),
    "gbstats": Peer(
        "gbstats 0.8 (DuckDB sums)",
        "tests",
        ("gbstats==0.8.0", "duckdb==2.0.0"),
        (script("with_gbstats.py"), "FILE"),
    ),
    "confidence": Peer(
        "spotify-confidence 4.1 (DuckDB sums)",
        "tests of three metrics",
        ("spotify-confidence==4.1.0", "duckdb==2.0.0"),
        (script("with_confidence.py"), "FILE"),
    ),
    "pandas": Peer(
        "pandas and scipy by hand",
        "tests",
        ("pandas==3.1.1", "scipy==1.17.1", "pyarrow==26.0.1"),
        (script("with_pandas.py"), "FILE"),
    ),
    "duckdb": Peer("DuckDB alone", "sums by variant", DUCKDB, (script("with_duckdb_alone.py"), "FILE")),
    "imports": Peer("imports alone", "nothing", OWN, (script("with_imports_alone.py"),)),
}
QUICK = ("abimpact", "duckdb")


@dataclass(frozen=True)
class Task:
    """Another job on a `log` (FILE): abimpact's process, and one of what people use for a part of it."""

    title: str
    says: str
    log: str
    abimpact: Peer
    other: Peer
    runs: int = 5


READ_CSV = "import pandas, sys; pandas.read_csv(sys.argv[1])"
MEDIAN = ("--variant", "variant", "--incumbent", "rules", "--unit", "user_id", "-m", "latency_ms:p50:lower", "-q")
TASKS = {
    "csv": Task(
        "1,000,000 units as CSV",
        "The whole report, beside reading the same file into pandas.",
        "users_1M.csv",
        PEERS["abimpact"],
        Peer(
            "pandas.read_csv",
            "reads",
            ("pandas==3.1.1",),
            ("-c", "import pandas, sys; pandas.read_csv(sys.argv[1])", "FILE"),
        ),
    ),
    "events": Task(
        "Some 5,000,000 events of 1,000,000 users",
        "The whole report on orders and revenue of the week after exposure, beside grouping the events once.",
        "events.parquet",
        Peer("abimpact", "units, tests, bootstrap, checks", OWN, (*REPORT[:5], str(HERE / "events.toml"), "-q")),
        Peer("DuckDB alone", "groups by user and variant", DUCKDB, (script("with_duckdb_grouping.py"), "FILE")),
    ),
    "median": Task(
        "A median of 1,000,000 units",
        "The whole report on the median latency, beside tea-tasting's test of it with 1,000 resamples.",
        "users_1M.parquet",
        Peer("abimpact", "test, checks", OWN, (*REPORT[:4], *MEDIAN)),
        Peer("tea-tasting 2.0", "test", TEA_TASTING, (script("with_tea_tasting_quantile.py"), "FILE"), python="3.12"),
        runs=1,
    ),
    "memory": Task(
        "100,000,000 units within 2 GB",
        "The whole report with `--memory-limit 2GB`, beside DuckDB summing the same columns.",
        "users_100M.parquet",
        Peer("abimpact", "tests, bootstrap, checks", OWN, (*REPORT, "--memory-limit", "2GB")),
        PEERS["duckdb"],
        runs=3,
    ),
}
# Takes minutes and 1.5 GB of disk.
OPT_IN = ("memory",)
