"""abimpact.toml: found, merged with flags and environment, and refused where a key or a type is wrong."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from abimpact import analyze
from abimpact.errors import ConfigError, UsageError
from abimpact.spec.config import find_config, load_request
from abimpact.spec.metric import Role
from abimpact.spec.request import MetricRequest
from abimpact.spec.schema import config_schema
from tests.logs import frame

CONFIG = """
[data]
unit = "user"
variant = "arm"
incumbent = "rules"
proposed = ["ml", "ml2"]
derive = { half = "value / 2" }
[data.units]
several_rows = "sum"
[[metric]]
name = "value"
role = "primary"
[[metric]]
name = "errors"
role = "guardrail"
margin = "2%"
[analysis]
level = 0.9
resamples = 100
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "abimpact.toml"
    path.write_text(CONFIG)
    return path


def test_every_key_arrives(config: Path) -> None:
    found = load_request({}, [str(config.parent / "log.csv")])
    assert (found.unit, found.variant, found.incumbent, found.proposed) == ("user", "arm", "rules", ("ml", "ml2"))
    assert (found.level, found.resamples, found.several_rows, found.derive) == (0.9, 100, "sum", {"half": "value / 2"})
    assert [m.role for m in found.metrics] == [Role.PRIMARY, Role.GUARDRAIL]
    assert found.config == str(config)


def test_flags_beat_the_environment_which_beats_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [str(config.parent)]
    monkeypatch.setenv("ABIMPACT_LEVEL", "0.8")
    assert load_request({}, sources).level == 0.8
    assert load_request({"level": 0.99, "unit": None, "proposed": ()}, sources).level == 0.99
    assert load_request({"proposed": ("ml",)}, sources).proposed == ("ml",)
    monkeypatch.setenv("ABIMPACT_LEVEL", "high")
    with pytest.raises(UsageError, match="ABIMPACT_LEVEL"):
        load_request({}, sources)


def test_metrics_named_by_flags_replace_those_of_their_family(config: Path) -> None:
    flags = {"metrics": (MetricRequest(spec="orders", role=Role.PRIMARY),)}
    found = load_request(flags, [str(config.parent)])
    assert [(m.spec or m.name) for m in found.metrics if isinstance(m, MetricRequest)] == ["orders", "errors"]


def test_the_config_is_found_beside_the_source_then_here(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert find_config([str(config.parent / "log.csv")], other) == config
    assert find_config([str(config.parent)], other) == config
    assert find_config([str(other / "log.csv")], config.parent) == config
    assert find_config([str(other / "log.csv")], other) is None
    monkeypatch.chdir(other)
    assert load_request({}, ["log.csv"]).config is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[data]\nunits_id = 'x'", "data.units_id is not known. Did you mean 'units'?"),
        ("[dat]\nunit = 'x'", "dat is not known. Did you mean 'data'?"),
        ("[[metric]]\nname = 'a'\n[[metric]]\nname = 'b'\nroll = 'primary'", "metric[1].roll is not known"),
        ("[[metric]]\nname = 'a'\nrole = 'primry'", "metric[0].role"),
        ("[analysis]\nlevel = 'high'", "analysis.level"),
        ("[analysis]\nresamples = -1", "analysis.resamples"),
        ("[data.units]\nseveral_rows = 'median'", "data.units.several_rows"),
        ("[data", "not valid TOML"),
    ],
)
def test_mistakes_are_named_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "abimpact.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_request({}, [], path)
    assert said in f"{caught.value.message} {caught.value.hint}"
    assert str(path) in caught.value.message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_config_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "abimpact.toml"
    if content:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"abimpact\.toml"):
        load_request({}, [], path)


def test_the_schema_accepts_the_samples_and_refuses_unknown_keys() -> None:
    import tomllib

    schema: dict[str, Any] = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    samples = list((Path(__file__).parents[2] / "sample_data").rglob("abimpact.toml"))
    assert samples
    for sample in samples:
        jsonschema.validate(tomllib.loads(sample.read_text()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"data": {"nope": 1}}, schema)


@pytest.mark.parametrize("as_of", ["0001-01-01", "9999-12-31"])
def test_days_that_there_are_not_are_refused(tmp_path: Path, as_of: str) -> None:
    path = tmp_path / "abimpact.toml"
    path.write_text(
        f'[data]\nas_of = {as_of}\ntime = "day"\n[[metric]]\nname = "value"\nrole = "primary"\n'
        'matures_after = "99999999999999999999d"\n'
    )
    with pytest.raises(ConfigError, match="there is no day"):
        analyze(frame(60), unit="unit", variant="variant", incumbent="rules", config=path, resamples=0)


def test_a_key_that_is_missing_in_one_of_two_tables_of_a_name_is_named(tmp_path: Path) -> None:
    path = tmp_path / "abimpact.toml"
    path.write_text('[[limit]]\nname = "calls"\nvalue = "n"\nat_most = 10\n\n[[limit]]\nname = "calls"\n')
    with pytest.raises(ConfigError, match="at_most"):
        load_request({}, ["log.parquet"], path)
