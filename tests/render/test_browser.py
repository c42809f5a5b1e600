"""The page in a real browser, from disk and without a network: what people see, and what changes when they type.

Needs Chromium and its driver, and axe-core's script for the check of accessibility (ABIMPACT_AXE names the file). Where
they are not there the tests are skipped and say so.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abimpact import analyze
from abimpact.api import Report
from abimpact.render import numbers
from abimpact.render.money import months

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data" / "checkouts.parquet"
AXE = os.environ.get("ABIMPACT_AXE", "")
SCREENSHOTS = os.environ.get("ABIMPACT_SCREENSHOTS", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")), reason="Chromium and its driver are not there"
    ),
]


@pytest.fixture(scope="module")
def report() -> Report:
    return analyze(SAMPLE, segments=["country"])


@pytest.fixture(scope="module")
def page(report: Report, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    report.write(path)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
    )
    yield driver
    driver.quit()


def opened(browser: Any, page: str, width: int = 1100, scheme: str = "light") -> Any:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(page)
    return browser


def kept(browser: Any, name: str) -> None:
    """Keep a picture of the whole page as build output, if a folder is named for it."""
    if not SCREENSHOTS:
        return
    import base64

    Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
    found = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    (Path(SCREENSHOTS) / f"{name}.png").write_bytes(base64.b64decode(found["data"]))


def test_verdict_and_kpis_are_those_of_the_json(browser: Any, page: str, report: Report) -> None:
    opened(browser, page)
    result = report.to_dict()
    heading = browser.find_element("css selector", "h1").text
    assert heading.startswith(result["verdict"]["code"].upper())
    assert browser.find_element("css selector", ".lead").text == result["verdict"]["headline"]
    rows = browser.find_elements("css selector", "table.rows tbody tr")
    shown = {row.find_element("css selector", "th").text.split("\n")[0]: row.text for row in rows}
    for metric in result["metrics"]:
        chosen = next(e for e in metric["estimates"] if e["method"] == metric["chosen_method"])
        if metric["role"] == "guardrail":
            continue
        for value in (chosen["relative"][key] * 100 for key in ("estimate", "low", "high")):
            text = numbers.fixed(value, 1)
            assert text in shown[metric["name"]], (metric["name"], text, shown[metric["name"]])


def test_the_console_is_free_of_errors(browser: Any, page: str) -> None:
    opened(browser, page)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("width", [375, 768, 1280])
def test_nothing_scrolls_sideways(browser: Any, page: str, width: int) -> None:
    opened(browser, page, width)
    kept(browser, f"report-{width}")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.skipif(not AXE, reason="ABIMPACT_AXE does not name axe-core's script")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1100])
def test_axe_finds_no_serious_violation(browser: Any, page: str, scheme: str, width: int) -> None:
    opened(browser, page, width, scheme)
    kept(browser, f"report-{scheme}-{width}")
    # Through the driver, which the page's policy against foreign scripts does not concern.
    browser.execute_script(Path(AXE).read_text(encoding="utf-8"))
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; });")
    found = browser.execute_async_script("const done = arguments[0]; axe.run().then(done, e => done({error: e + ''}));")
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in serious] == []


def typed(browser: Any, **values: float) -> dict[str, str]:
    """Type values into the inputs; the results by key."""
    for key, value in values.items():
        field = browser.find_element("css selector", f'.whatif input[name="{key}"]')
        field.clear()
        field.send_keys(repr(value))
    cells = browser.find_elements("css selector", ".whatif [data-result]")
    return {cell.get_attribute("data-result"): cell.text for cell in cells}


def test_what_if_starts_with_the_money_of_the_report(browser: Any, page: str) -> None:
    opened(browser, page)
    table = browser.find_elements("css selector", "table.pairs")[0].text
    for text in typed(browser).values():
        assert text in table


@pytest.mark.parametrize(
    "change",
    [
        {"units_per_year": 123_456.0},
        {"worth": 0.25, "once.build_cost": 99_000.0},
        {"per_year.run_cost_per_year": 400_000.0},
        {"cost_per_unit": 0.31, "horizon_years": 5.0, "discount_rate": 0.0},
    ],
    ids=lambda change: ",".join(change),
)
def test_what_if_computes_as_python_does(browser: Any, page: str, change: dict[str, float]) -> None:
    opened(browser, page)
    keys = {key.split(".")[-1]: value for key, value in change.items()}
    expected = analyze(SAMPLE, segments=["country"], value=keys).values
    worth = expected.value_of(expected.proposed[0])
    assert worth is not None

    def money(found: Any) -> str:
        return f"{numbers.money(found.estimate, 'EUR')} ({numbers.money_range(found.low, found.high, 'EUR')})"

    shown = typed(browser, **change)
    assert shown["annual"] == money(worth.annual)
    assert shown["annual_net"] == money(worth.annual_net)
    assert shown["npv"] == money(worth.npv)
    assert shown["payback"] == months(worth)
    assert worth.break_even_relative is not None
    assert shown["break_even"] == numbers.signed(worth.break_even_relative, numbers.PERCENT)


def test_two_pages_of_paper(browser: Any, page: str) -> None:
    import base64

    opened(browser, page)
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2
