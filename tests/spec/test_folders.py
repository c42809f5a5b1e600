"""Where paths in a config may lead: its own folder, those of the sources, and those that are allowed."""

import os
from pathlib import Path

import pytest

from abimpact import analyze
from abimpact.cli.main import main
from abimpact.errors import ConfigError
from abimpact.spec.config import load_request
from abimpact.spec.folders import anchor, is_inside
from tests.logs import frame

FILL = '[[data.fill]]\ncolumn = "country"\nfile = "{}"\nby = "unit"\n'
OUTCOMES = '[data.outcomes]\nfile = "{}"\n'
ASKED = ("--unit", "unit", "--variant", "variant", "--incumbent", "rules", "-m", "value", "--resamples", "0", "-q")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A log, its config's folder, and files outside of both."""
    for name in ("logs", "configs/below", "outside"):
        (tmp_path / name).mkdir(parents=True)
    data = frame(200)
    data.drop(columns="country").to_parquet(tmp_path / "logs" / "log.parquet")
    for name in ("logs", "configs", "configs/below", "outside"):
        data[["unit", "country"]].to_csv(tmp_path / name / "users.csv", index=False)
    (tmp_path / "configs" / "linked.csv").symlink_to(tmp_path / "outside" / "users.csv")
    (tmp_path / "configs" / "folder").symlink_to(tmp_path / "outside")
    return tmp_path


def report(home: Path, config: str, *more: str) -> int:
    (home / "configs" / "abimpact.toml").write_text(config)
    named = ["report", str(home / "logs" / "log.parquet"), "-c", str(home / "configs" / "abimpact.toml"), *ASKED]
    return main([*named, *more])


@pytest.mark.parametrize("file", ["users.csv", "./below/../users.csv", "below/*.csv", "**/below/users.csv", "below"])
@pytest.mark.parametrize("table", [FILL, OUTCOMES], ids=["fill", "outcomes"])
def test_a_path_may_lead_into_the_configs_own_folder(home: Path, file: str, table: str) -> None:
    assert report(home, table.format(file)) == 0


def test_a_path_may_lead_to_what_the_command_line_names(home: Path) -> None:
    assert report(home, FILL.format("../logs/users.csv")) == 0


OUTSIDE = ["../outside/users.csv", "{}/outside/users.csv", "linked.csv", "folder/users.csv", "folder/*", "li*.csv"]
OUTSIDE += ["../**/outside/*.csv", "../out*/users.csv", "*/../../outside/users.csv", "../outside", "../nowhere.csv"]
OUTSIDE += ["/etc/passwd", "/dev/zero", "/proc/self/environ", "../outside/../outside/users.csv", "/", "/**/*.csv"]


@pytest.mark.parametrize("file", OUTSIDE)
@pytest.mark.parametrize("table", [FILL, OUTCOMES], ids=["fill", "outcomes"])
def test_no_path_leads_elsewhere(home: Path, file: str, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(home, table.format(file.format(home))) == 2
    said = capsys.readouterr()
    assert "leads out of the folders that were named" in said.err
    assert "--allow-path" in said.err
    assert said.out == ""


def test_a_folder_can_be_allowed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = FILL.format("../outside/users.csv")
    assert report(home, config, "--allow-path", str(home / "logs")) == 2
    assert report(home, config, "--allow-path", str(home / "outside")) == 0
    assert report(home, FILL.format("linked.csv"), "--allow-path", str(home)) == 0
    capsys.readouterr()
    asked = {"unit": "unit", "variant": "variant", "incumbent": "rules", "metrics": ["value"], "resamples": 0}
    config_file = home / "configs" / "abimpact.toml"
    with pytest.raises(ConfigError, match="leads out"):
        analyze(home / "logs" / "log.parquet", config=config_file, **asked)
    found = analyze(home / "logs" / "log.parquet", config=config_file, allow_paths=[home / "outside"], **asked)
    assert "within" not in str(found.to_dict()["provenance"]["config"])


def test_a_path_is_that_of_the_file_that_has_it(home: Path) -> None:
    """What a company shares may speak of files beside it; whoever extends it may not."""
    (home / "company.toml").write_text(FILL.format("outside/users.csv"))
    assert report(home, 'extends = "../company.toml"\n') == 0
    (home / "company.toml").write_text("")
    assert report(home, 'extends = "../company.toml"\n' + FILL.format("../outside/users.csv")) == 2


@pytest.mark.parametrize("file", ["../outside/other.toml", "{}/outside/other.toml", "folder/other.toml", "/dev/zero"])
def test_a_config_extends_none_elsewhere(home: Path, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "outside" / "other.toml").write_text('[report]\ntitle = "canary"\n')
    assert report(home, f'extends = "{file.format(home)}"\n') == 2
    assert "leads out of the folders that were named" in capsys.readouterr().err
    if "zero" not in file:
        assert report(home, f'extends = "{file.format(home)}"\n', "--allow-path", str(home / "outside")) == 0


def test_what_the_command_line_names_may_lie_anywhere(home: Path) -> None:
    assert report(home, "", "--outcomes", str(home / "outside" / "users.csv")) == 0


@pytest.mark.parametrize(
    ("config", "flags", "said"),
    [
        ('engine = "postgresql://localhost/x"', {}, "--engine"),
        ('query = "SELECT 1"', {"engine": "postgresql://localhost/x"}, "--query"),
    ],
)
def test_a_config_does_not_choose_what_is_asked_of_an_engine(
    tmp_path: Path, config: str, flags: dict[str, str], said: str
) -> None:
    path = tmp_path / "abimpact.toml"
    path.write_text(f"[data]\n{config}\n")
    with pytest.raises(ConfigError) as caught:
        load_request(flags, [], path)
    assert said in caught.value.hint
    found = load_request({**flags, "allow_engine": True}, [], path)
    assert found.engine == "postgresql://localhost/x"


def test_the_environment_chooses_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "abimpact.toml"
    path.write_text('[data]\nengine = "postgresql://elsewhere/x"\n')
    monkeypatch.setenv("ABIMPACT_ENGINE", "postgresql://localhost/x")
    assert load_request({}, [], path).engine == "postgresql://localhost/x"


def test_anchors_end_before_the_first_wildcard(tmp_path: Path) -> None:
    assert [str(anchor(s)) for s in ("a/b.csv", "a/*/c", "*.csv", "/x/y?/z", "[a]/b")] == [
        "a/b.csv",
        "a",
        ".",
        "/x",
        ".",
    ]
    assert is_inside(tmp_path / "a" / ".." / "b", [str(tmp_path)])
    assert not is_inside(tmp_path.parent, [str(tmp_path)])
    assert not is_inside(str(tmp_path) + "beside", [str(tmp_path)])
    assert is_inside("here", [""]) is is_inside("here", [os.getcwd()]) is True
