"""The page on real experiments is what its script makes of them."""

import pytest

from tests.logs import real_data

REAL = real_data()


@pytest.mark.slow
@pytest.mark.skipif(REAL is None, reason="the real logs are not here; set ABIMPACT_REAL_DATA")
def test_the_page_is_made_from_the_experiments() -> None:
    from docs.real_experiments import PAGE, page

    assert REAL
    text, won = page(REAL / "asos.parquet")
    assert PAGE.read_text("utf-8") == text, "run: python -m docs.real_experiments PATH"
    # With luck allowed for, winners are nearer to where their tests ended, on average and one by one.
    assert won["final"].mean() < won["left"].mean() < 0.5 * won["lift"].mean()
    assert ((won["left"] - won["final"]).abs() < (won["lift"] - won["final"]).abs()).mean() > 0.9
