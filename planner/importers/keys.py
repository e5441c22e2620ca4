"""Customers leave an import only as keyed hashes: without the key nobody can tell whose they are."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import numpy as np
import pandas as pd

from planner.errors import UsageError
from planner.importers.inputs import Inputs
from planner.intake.frames import categorical

SHORTEST = 16
NO_KEY = "left out: set PLANNER_KEY, or name a key with --key-file, to have customers hashed"


def read_key(inputs: Inputs, key_file: str) -> bytes | None:
    """The secret key: from `key_file`, else from PLANNER_KEY; None where neither is given.

    Raises UsageError for a file that cannot be read and for a key that is too short to keep a secret.
    """
    if key_file:
        path = Path(key_file).expanduser()
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise UsageError(
                f"cannot read the key file {path}: {error.strerror}", "name a file with --key-file"
            ) from None
    else:
        key = inputs.environ.get("PLANNER_KEY", "").strip().encode()
        if not key:
            return None
    if len(key) < SHORTEST:
        raise UsageError(
            f"the key for customers has {len(key)} characters: at least {SHORTEST} are needed", "openssl rand -hex 32"
        )
    return key


def keyed_hashes(customers: pd.Series, key: bytes) -> pd.Categorical:
    """HMAC-SHA256 of each customer (texts), as hexadecimal digits; equal customers get equal hashes."""
    codes, names = pd.factorize(customers)
    hashes = [hmac.new(key, str(name).encode(), hashlib.sha256).hexdigest() for name in names]
    return categorical(codes, np.array(hashes, dtype=object))
