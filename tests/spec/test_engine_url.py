"""Addresses of engines are told from paths, and their secrets are hidden wherever they stand."""

import pytest

from abimpact.errors import UsageError
from abimpact.spec.engine_url import is_address, redacted, redactor, scheme_of

SECRETS = [
    ("postgresql://ann:hunter22@db:5432/shop", "hunter22"),
    ("postgresql://ann:p@ss/w:rd@db/shop", "p@ss/w:rd"),
    ("postgresql://ann:open%20sesame@db/shop", "open%20sesame"),
    ("postgresql://:hunter22@db/shop", "hunter22"),
    ("snowflake://ann@account/shop?warehouse=w&password=hunter22&role=r", "hunter22"),
    ("databricks://host/?http_path=/sql/1&access_token=dapi0123", "dapi0123"),
    ("trino://host/hive?PASSWORD=hunter22#x", "hunter22"),
    ("sc://host:15002/;token=abc123;use_ssl=true", "abc123"),
]


@pytest.mark.parametrize(("url", "secret"), SECRETS)
def test_secrets_are_hidden(url: str, secret: str) -> None:
    for text in (url, f"abimpact report --engine='{url}' --table log", f"cannot reach {url}: no route"):
        assert secret not in redacted(text)
        assert "***" in redacted(text)


@pytest.mark.parametrize(("url", "secret"), SECRETS)
def test_what_a_driver_repeats_is_hidden(url: str, secret: str) -> None:
    assert secret not in redactor(url)(f'connection of "ann" with password {secret} refused')


def test_a_password_is_hidden_as_it_is_meant_too() -> None:
    hide = redactor("postgresql://ann:open%20sesame%2F42@db/shop")
    assert hide("wrong password 'open sesame/42'") == "wrong password '***'"


def test_the_rest_of_an_address_stays() -> None:
    assert redacted("postgresql://ann:pw@db:5432/shop?sslmode=require") == (
        "postgresql://ann:***@db:5432/shop?sslmode=require"
    )
    assert redacted("bigquery://project/set") == "bigquery://project/set"
    assert redacted("log@2.csv: column a:b") == "log@2.csv: column a:b"


def test_addresses_are_no_paths() -> None:
    assert is_address("postgresql://host/db")
    assert is_address("pyspark://")
    assert not is_address("C:/data/log.csv")
    assert not is_address("log.parquet")


@pytest.mark.parametrize(
    ("url", "hint"),
    [("postgre://h/d", "postgres"), ("http://h/log.csv", "It begins with one of"), ("shop", "It begins with one of")],
)
def test_an_unknown_engine_is_named(url: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        scheme_of(url)
    assert hint in raised.value.hint


def test_an_unknown_engine_is_named_without_its_password() -> None:
    with pytest.raises(UsageError) as raised:
        scheme_of("oracle23://ann:hunter22@h/d")
    assert "hunter22" not in raised.value.message + raised.value.hint
