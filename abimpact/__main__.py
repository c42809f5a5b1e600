"""`python -m abimpact`."""

from abimpact.cli.entry import entry

entry()
