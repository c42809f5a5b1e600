"""Nobody is named, in reports, errors or debugging; small groups stay groups; no password, no network."""

import ast
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import abimpact
from abimpact import analyze
from abimpact.cli.main import main
from abimpact.errors import AbimpactError
from abimpact.spec.engine_url import redacted
from abimpact.spec.private import mark, may_name_somebody, without_quotes, without_values
from tests.faults.process import ASKED, PROGRAM, run

# What every planted identifier holds, of whichever kind it is.
SECRET = "planted"
NAMED = ("--unit", "who", "--variant", "variant", "--incumbent", "rules", "--resamples", "99")
FILES = ("md", "html", "json", "csv", "xlsx", "xml", "txt", "pptx")


def people(n: int = 3_000) -> pd.DataFrame:
    """A log whose units are e-mail addresses and numbered names, with all that checks look for."""
    rng = np.random.default_rng(5)
    ids = [f"{SECRET}{i:05d}@example.com" if i % 2 else f"{SECRET}_{i:05d}" for i in range(n)]
    data = pd.DataFrame({"who": ids, "variant": rng.choice(["rules", "ml"], n), "value": rng.lognormal(size=n)})
    data["device"] = ids
    data["orders"], data["old"], data["fraud"] = (rng.integers(0, k, n) for k in (3, 2, 2))
    data["score"], data["before"] = rng.random(n), rng.lognormal(size=n)
    data["day"] = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 28, n), unit="D")
    data["country"] = rng.choice(["DE", "FR", "NL"], n)
    data["currency"] = rng.choice(["EUR", "USD"], n)
    data.loc[0, "value"] = np.inf
    data.loc[1, "value"] = 1e6  # carries the effect alone
    data.loc[5:90, "value"] = None
    data.loc[91, "country"] = "Tinyland"
    data.loc[92, "country"] = None
    data.loc[93:103, "country"] = "de"
    data.loc[104:108, "variant"] = f"{SECRET}@variant.example"
    data.loc[109:112, "who"] = None
    data.loc[113:115, "variant"] = None
    crossed = data[200:240].assign(variant=data.variant[200:240].map({"ml": "rules", "rules": "ml"}))
    shouted = data[300:310].assign(who=data.who[300:310].str.upper(), device=data.device[300:310].str.upper())
    return pd.concat([data, data[120:160], crossed, shouted])


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people") / "log.csv"
    people().to_csv(path, index=False)
    return path


def names_somebody(content: bytes) -> bool:
    return SECRET.encode() in content.lower()


def everything(folder: Path) -> dict[str, bytes]:
    """The content of every file, and of every part of one that is an archive."""
    found = {}
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        found[path.name] = path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found |= {f"{path.name}/{name}": archive.read(name) for name in archive.namelist()}
    return found


METRICS = ("-m", "value", "-m", "orders", "--guardrail", "value:p90:lower@5%", "--covariate", "before")
RUNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "report": (
        (
            *(*NAMED, *METRICS, "--proposed", "ml", "--time", "day", "--segment", "country", "--segment", "device"),
            *("-v", "--show-anyway", "--several-rows", "first"),
        ),
        FILES,
    ),
    "rows as units": (("report", *NAMED[2:], *METRICS, "--proposed", "ml", "-v", "--show-anyway"), ("md", "json")),
    "clusters": (("report", *NAMED[2:], "-m", "value", "--cluster", "who", "--proposed", "ml", "-v"), ("md", "json")),
    "met by": (("report", *NAMED, "-m", "value", "--met-by", "device", "--proposed", "ml", "-v"), ("md", "json")),
    "check": ((*NAMED[:6], "--proposed", "ml", "-m", "value", "--time", "day", "--segment", "device", "-v"), FILES[:3]),
    "simulate": ((*NAMED[:6], "--proposed", "ml", "-m", "orders", "--repetitions", "50", "-v"), FILES[:3]),
    "backtest": (
        (
            *("--unit", "who", "--incumbent", "old", "--score", "score", "--outcome", "fraud", "--segment", "country"),
            *("--segment", "device", "--reason", "country", "--payoff", "true_positive=5", "--resamples", "0", "-v"),
        ),
        FILES[:4],
    ),
}


@pytest.mark.fault(
    "e-mail addresses and numbered names as units, in every role, with every check triggered",
    "none in any file or format, picture, finding, or on the terminal, with -v too",
)
@pytest.mark.parametrize("name", [n if n == "report" else pytest.param(n, marks=pytest.mark.slow) for n in RUNS])
def test_no_output_names_a_unit(name: str, planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    flags, endings = RUNS[name]
    verb, *flags = flags if flags[0] == "report" else (name, *flags)
    outputs = [word for ending in endings for word in ("-o", str(tmp_path / f"out.{ending}"))]
    plots = ["--plots", str(tmp_path / "plots")] if verb == "report" else []
    code = main([verb, str(planted), *flags, *outputs, *plots])
    shown = capfd.readouterr()
    assert code == 0, shown.err
    assert not names_somebody(shown.out.encode() + shown.err.encode())
    found = everything(tmp_path)
    assert len(found) >= len(endings)
    assert [file for file, content in found.items() if names_somebody(content)] == []
    assert [file for file, content in found.items() if b"Tinyland" in content] == []
    if name == "report":
        codes = {c["code"] for c in json.loads(found["out.json"])["checks"] if c["severity"] != "pass"}
        assert codes >= {
            *("units_in_both_arms", "duplicate_rows", "missing_unit", "missing_variant", "unknown_variant"),
            *("missing_values", "nonfinite_values", "outliers", "mixed_currency"),
        }


MISTAKES: dict[str, tuple[str, ...]] = {
    "units as a metric": ("report", *NAMED, "-m", "who"),
    "units as dates": ("report", *NAMED, "-m", "value", "--time", "who"),
    "units as variants": ("report", "--unit", "who", "--variant", "who", "--incumbent", "rules", "-m", "value"),
    "units as variants, guessed": ("report", "--unit", "who", "--variant", "who", "-m", "value"),
    "a filter that converts units": ("report", *NAMED, "-m", "value", "--where", "CAST(who AS DOUBLE) > 1"),
    "a metric that converts units": ("report", *NAMED, "-m", "x=CAST(device AS DOUBLE)"),
    "units as a score": (
        *("backtest", "--unit", "who", "--incumbent", "old", "--score", "who", "--outcome", "fraud"),
        *("--payoff", "true_positive=1", "--threshold", "1"),
    ),
    "units as the outcome": (
        *("backtest", "--unit", "who", "--incumbent", "old", "--score", "score", "--outcome", "who"),
        *("--payoff", "true_positive=1"),
    ),
}


@pytest.mark.fault(
    "units named as metric, date, variant, score or outcome by mistake", "an error that says where, and shows none"
)
@pytest.mark.parametrize("name", MISTAKES)
def test_no_error_names_a_unit(name: str, planted: Path, capfd: pytest.CaptureFixture[str]) -> None:
    verb, *flags = MISTAKES[name]
    code = main([verb, str(planted), *flags, "-v"])
    shown = capfd.readouterr()
    assert code in (2, 3)
    assert shown.err.startswith("abimpact: ")
    assert not names_somebody(shown.out.encode() + shown.err.encode()), shown.err


def test_a_key_with_several_values_is_told_by_its_row(
    planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    users = pd.DataFrame({"who": [f"{SECRET}_00002"] * 2, "plan": ["a", "b"]})
    users.to_csv(tmp_path / "users.csv", index=False)
    config = tmp_path / "abimpact.toml"
    config.write_text(f'[[data.fill]]\ncolumn = "plan"\nfile = "{tmp_path}/users.csv"\nby = "who"\n')
    assert main(["report", str(planted), *NAMED, "-m", "value", "--proposed", "ml", "-c", str(config)]) == 3
    shown = capfd.readouterr().err
    assert "users.csv, row 2: 1 value of 'who' has several of 'plan'" in shown
    assert not names_somebody(shown.encode())


@pytest.mark.parametrize("metric", ["who", "x=CAST(who AS DOUBLE)"])
def test_no_error_about_a_frame_names_a_unit(metric: str) -> None:
    frame = people(400)[["who", "variant"]].assign(who=lambda d: d.who.str.replace("@", "_"))
    with pytest.raises(AbimpactError) as caught:
        analyze(frame, unit="who", variant="variant", incumbent="rules", proposed="ml", metrics=[metric])
    assert not names_somebody(caught.value.message.encode())


def test_a_typo_is_still_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = people()[["who", "variant", "value"]].astype({"value": str})
    data.iloc[2_000, 2] = "oops"
    data.to_csv(tmp_path / "log.csv", index=False)
    assert main(["report", str(tmp_path / "log.csv"), *NAMED, "--proposed", "ml", "-m", "value"]) == 3
    assert "for example 'oops'" in capfd.readouterr().err


def test_debugging_shows_marks(
    planted: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        try:
            raise KeyError(f"{SECRET}_00001")
        except KeyError as error:
            raise RuntimeError(f"no '{SECRET}_00001' and not {SECRET}2@example.com") from error

    monkeypatch.setattr("abimpact.pipeline.report.run_report", broken)
    assert main(["report", str(planted), *NAMED, "-m", "value", "-v"]) == 70
    shown = capfd.readouterr().err
    assert "RuntimeError" in shown
    assert "KeyError" in shown
    messages = [line for line in shown.splitlines() if not line.startswith("  ")]
    assert not names_somebody("\n".join(messages).encode())
    assert shown.count(mark(f"{SECRET}_00001")) == 2


def test_values_that_may_name_somebody_are_known() -> None:
    some = ("a.b+c@mail.example.org", "123e4567-e89b-12d3-a456-426614174000", "4111 1111 1111 1111", "+49 170 1234567")
    others = ("oops", "n/a", "2026-13-45 10:00:00", "1.234,56", "ml-20260301", "model_v3", "DE", "12345.678901234")
    assert [may_name_somebody(text) for text in (*some, *others)] == [True] * len(some) + [False] * len(others)
    assert without_values("Could not convert string 'user_00123' to DOUBLE").endswith("to DOUBLE")
    assert "user_00123" not in without_values("Could not convert string 'user_00123' to DOUBLE")
    assert "'1,5'" in without_values("Could not convert string '1,5' to DOUBLE")
    assert without_quotes("value 'a'") == without_quotes("value 'a'") != without_quotes("value 'b'")


@pytest.mark.fault("segments of fewer units than min_segment_units", "pooled; the pool has no effect while it is small")
@pytest.mark.parametrize("ending", ["md", "html", "json", "csv", "xlsx", "txt"])
def test_small_segments_are_pooled_everywhere(ending: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = people()[["who", "variant", "value", "country"]].drop_duplicates("who")
    data = data[data.variant.isin(["rules", "ml"]) & data.country.notna() & np.isfinite(data.value)].reset_index(
        drop=True
    )
    data.loc[:59, "country"] = "Tinyland"
    data.to_csv(tmp_path / "log.csv", index=False)
    out = tmp_path / f"out.{ending}"
    assert (
        main(["report", str(tmp_path / "log.csv"), *NAMED, "-m", "value", "--segment", "country", "-o", str(out)]) == 0
    )
    capfd.readouterr()
    (tmp_path / "log.csv").unlink()
    assert [file for file, content in everything(tmp_path).items() if b"Tinyland" in content] == []
    if ending == "json":
        segments = json.loads(out.read_text())["metrics"][0]["segments"]
        (pool,) = (s for s in segments if s["value"] == "(other)")
        assert 2 < sum(pool["units"].values()) < 100
        assert (pool["estimates"], pool["shrunken"]) == ([], None)
        assert all(s["estimates"] for s in segments if s is not pool)


SECRETS = (
    "postgresql://me:hunter2@db.example.com:5432/x",
    "cannot reach snowflake://me:hunter2@account/db?token=hunter2&warehouse=w",
    "password=hunter2 host=db",
    'host=db password="hunter2" user=me',
    "{'password': 'hunter2', 'user': 'me'}",
    '{"api_key": "hunter2"}',
    "ACCESS_TOKEN=hunter2",
    "Authorization: Bearer hunter2",
    "databricks://token:hunter2@host?http_path=/x",
)


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_redacted(text: str) -> None:
    assert "hunter2" not in redacted(text)
    assert "***" in redacted(text)


def test_every_recorded_command_is_redacted() -> None:
    root = Path(abimpact.__file__).parent
    recorded = [
        line for path in root.rglob("*.py") for line in path.read_text().splitlines() if "sys.argv[1:]]" in line
    ]
    assert len(recorded) > 3
    assert [line for line in recorded if "redacted(" not in line] == []


@pytest.mark.parametrize("text", ["-m tokens=input+output", "--where 'token_count=5'", "token_cost = 0.002", "a=b"])
def test_what_is_counted_in_tokens_is_no_secret(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.fault("an engine's URL with a password, from a flag, the environment or a config", "*** in every message")
@pytest.mark.parametrize(
    "way", ["flag", *(pytest.param(w, marks=pytest.mark.slow) for w in ("source", "environment", "config"))]
)
def test_a_password_is_never_shown(way: str, tmp_path: Path) -> None:
    url = "postgresql://me:hunter2@127.0.0.1:1/db?sslpassword=hunter2"
    (tmp_path / "abimpact.toml").write_text(f'[data]\nengine = "{url}"\n' if way == "config" else "")
    named = {"flag": ("--engine", url), "source": (url,), "config": ("--allow-engine",)}.get(way, ())
    environment = {"ABIMPACT_ENGINE": url} if way == "environment" else {}
    done = run("report", *named, *ASKED, "--table", "t", "-v", folder=tmp_path, environment=environment)
    assert done.returncode in (2, 3, 70)
    assert "hunter2" not in done.stdout + done.stderr


WATCHED = """
import socket, sys
def refused(*a, **k):
    sys.stderr.write("NETWORK\\n")
    raise OSError("the network was asked")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refused
"""


@pytest.mark.fault("no network: connections are refused, and watched", "the same report; nothing asked for one")
def test_a_report_asks_no_network(log: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WATCHED)
    out = tmp_path / "r.html"
    done = run("report", log, *ASKED, "-q", "-o", out, environment={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    page = out.read_text()
    assert "src=" not in page.replace('src="data:', "")


@pytest.mark.slow
@pytest.mark.fault("no network at all (unshare -n), traced where strace is there", "the same report")
def test_a_report_without_a_network(log: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("a namespace without a network takes root")
    done = run("report", log, *ASKED, "-q", before=("unshare", "-n"))
    assert (done.returncode, done.stderr) == (0, "")
    if shutil.which("strace"):
        traced = subprocess.run(
            ["strace", "-f", "-e", "trace=connect,sendto", *PROGRAM, "report", str(log), *ASKED, "-q"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "AF_INET" not in traced.stderr


NETWORK = {
    "urllib.request",
    "http",
    "http.client",
    "socket",
    "ssl",
    "requests",
    "httpx",
    "smtplib",
    "ftplib",
    "aiohttp",
}


def test_no_module_knows_the_network() -> None:
    root = Path(abimpact.__file__).parent
    found = []
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.relative_to(root)}: {name}" for name in names if name in NETWORK]
    assert found == []
