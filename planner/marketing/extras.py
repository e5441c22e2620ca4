"""scikit-learn is an extra: whoever needs it asks here, and is told its name where it is missing."""

from __future__ import annotations

from importlib.util import find_spec

from planner.errors import PlannerError


def need_scikit_learn(what: str) -> None:
    """Raises PlannerError naming the extra where scikit-learn is not installed."""
    if find_spec("sklearn") is None:
        raise PlannerError(f"{what} needs scikit-learn, which is not installed", "pip install 'planner[customers]'")
