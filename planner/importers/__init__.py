"""Public data sets and foreign layouts -> the planner's tables, as a workspace that plans."""

from planner.importers.registry import SOURCES, Option, Source
from planner.importers.run import Imported, run_import

__all__ = ["SOURCES", "Imported", "Option", "Source", "run_import"]
