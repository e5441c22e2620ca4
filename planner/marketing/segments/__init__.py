"""Who the customers are: profiles, segments with names, head-counts, and who is likely to order."""

from planner.marketing.segments.cells import head_counts, without_small_cells
from planner.marketing.segments.clusters import METHODS, Segmentation, segment
from planner.marketing.segments.profiles import make_profiles, one_large_customer
from planner.marketing.segments.propensity import LEARNERS, Propensity, propensity

__all__ = [
    "LEARNERS", "METHODS", "Propensity", "Segmentation", "head_counts", "make_profiles", "one_large_customer",
    "propensity", "segment", "without_small_cells",
]  # fmt: skip
