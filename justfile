# The daily commands; `just` lists them.
default:
    @just --list

# All that a commit must pass.
check: lint
    python -m pytest

lint:
    ruff check .
    ruff format --check .
    mypy
    lint-imports

# Simulations and other tests that take longer.
slow:
    python -m pytest -m slow

# Renew the locked versions (needs uv); with names only those move.
lock *names:
    requirements/lock {{names}}

# The docs as a site, as it will be.
site:
    mkdocs serve --strict

# Rewrite golden files, the outputs shown in the docs and the reference; then read the diff.
golden:
    python docs/make_reference.py
    python -m pytest --update-golden
