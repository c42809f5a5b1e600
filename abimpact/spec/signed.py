"""The plan that was signed before a test: its file, and whether it is still what it was."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abimpact.errors import ConfigError
from abimpact.spec.toml import read_toml

DIGEST = "sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPlan:
    """A plan file: its tables, the `digest` that it names, and the one that its content has."""

    path: str
    table: Mapping[str, Any]
    digest: str
    found: str

    def beneath(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The tables for what `config` does not say; lists of metrics and limits are replaced as a whole."""
        return {key: value for key, value in self.table.items() if key not in ("metric", "limit") or key not in config}

    @property
    def is_unchanged(self) -> bool:
        """Whether it is what was signed."""
        return self.digest == self.found


def digest_of(table: Mapping[str, Any]) -> str:
    """The digest of all that a plan says; comments, blanks and the order of keys do not matter."""
    plan = {key: value for key, value in table.get("plan", {}).items() if key != "digest"}
    text = json.dumps({**table, "plan": plan}, sort_keys=True, default=str, ensure_ascii=True)
    return DIGEST + hashlib.sha256(text.encode()).hexdigest()


def read_signed(path: Path) -> SignedPlan:
    """The plan at `path`; ConfigError if it can't be read or was never signed."""
    table = read_toml(path, str(path), "Check the path given with --plan.")
    plan = table.get("plan")
    digest = plan.get("digest") if isinstance(plan, dict) else None
    if not isinstance(digest, str):
        raise ConfigError(f"{path} is no plan: it has no digest in [plan].", "Make one: abimpact plan … -o plan.toml")
    return SignedPlan(path=str(path), table=table, digest=digest, found=digest_of(table))
