"""What this machine has, and what it lacks."""

from __future__ import annotations

import platform
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

_LIBRARIES = (
    ("numpy", "numpy", "everything", ""),
    ("pandas", "pandas", "everything", ""),
    ("pyarrow", "pyarrow", "everything", ""),
    ("scipy", "scipy", "everything", ""),
    ("statsforecast", "statsforecast", "everything", ""),
    ("lightgbm", "lightgbm", "forecasts", ""),
    ("pulp", "pulp", "everything", ""),
    ("numba", "numba", "orders", ""),
    ("highspy", "highspy", "orders", ""),
    ("networkx", "networkx", "everything", ""),
    ("jinja2", "jinja2", "everything", ""),
    ("pyvrp", "pyvrp", "vehicle routes", "routes"),
    ("scikit-learn", "sklearn", "segments, trials and recommendations", "customers"),
)


def checks() -> pd.DataFrame:
    """One row a thing: what, state (fine or missing), version, needed_for, hint."""
    rows = [_python(), *(_library(*entry) for entry in _LIBRARIES), _solver()]
    return pd.DataFrame(rows, columns=["what", "state", "version", "needed_for", "hint"])


def _python() -> tuple[str, ...]:
    fine = sys.version_info >= (3, 11)
    return (
        "python",
        "fine" if fine else "missing",
        platform.python_version(),
        "everything",
        "" if fine else "Python 3.11+",
    )


def _library(package: str, module: str, needed_for: str, extra: str) -> tuple[str, ...]:
    """A package may be there and still not load, for want of a system library: so it is loaded."""
    install = f"pip install 'planner[{extra}]'" if extra else "pip install planner"
    try:
        found = version(package)
        import_module(module)
    except PackageNotFoundError:
        return (package, "missing", "", needed_for, install)
    except (ImportError, OSError) as error:
        return (package, "missing", found, needed_for, f"it is installed but does not load: {error}")
    return (package, "fine", found, needed_for, "")


def _solver() -> tuple[str, ...]:
    """One tiny problem, solved for real."""
    try:
        import highspy

        solver = highspy.Highs()
        solver.silent()
        variable = solver.addVariable(lb=0.0, ub=2.0)
        solver.maximize(variable)
        fine = abs(solver.getObjectiveValue() - 2.0) < 1e-9
    except (ImportError, OSError, AttributeError) as error:
        return ("HiGHS solves", "missing", "", "everything", f"{error}; CBC stands in for it, slower")
    return ("HiGHS solves", "fine" if fine else "missing", "", "everything", "" if fine else "reinstall highspy")
