"""Which items to show to whom: what each customer buys, what goes with it, what sells now, and what is in stock."""

from planner.marketing.recommend.blend import METHODS, Offer, recommend
from planner.marketing.recommend.ease import Ease
from planner.marketing.recommend.purchases import Purchases, read_purchases

__all__ = ["METHODS", "Ease", "Offer", "Purchases", "read_purchases", "recommend"]
