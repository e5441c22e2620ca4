"""The demo cut down to what a quick test needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

CATEGORIES = ("garden", "beverages")
HORIZON = 8
GAP = 0.25  # tests of the way through want a plan, not its last hundredths
_KEPT_WHOLE = ("data/README.md",)


def thinned(demo: Path, target: Path, skus: int = 4) -> Path:
    """A copy of the demo with a few SKUs of two categories, planned over eight weeks."""
    shutil.copytree(demo, target, ignore=shutil.ignore_patterns("truth", "reports", ".planner"))
    items = pd.read_csv(target / "data" / "items.csv", dtype=str, keep_default_na=False)
    promoted = pd.read_csv(target / "data" / "campaign_items.csv", dtype=str, keep_default_na=False)
    spring = set(promoted.loc[promoted["campaign"] == "SPRING", "sku"])
    chosen = [group.assign(last=~group["sku"].isin(spring)).sort_values(["last", "sku"]).head(skus)
              for name, group in items.groupby("category") if name in CATEGORIES]  # fmt: skip
    kept = set(pd.concat(chosen)["sku"])
    for path in sorted((target / "data").glob("*.csv")):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if "sku" in frame.columns:
            frame = frame[frame["sku"].isin(kept) | (frame["sku"] == "")]
        if "predecessor" in frame.columns:
            frame.loc[~frame["predecessor"].isin(kept), "predecessor"] = ""
        frame.to_csv(path, index=False)
    settings = (target / "planner.toml").read_text(encoding="utf-8")
    for section, line in (("plan", f"horizon = {HORIZON}"), ("stock", f"gap = {GAP}")):
        settings = settings.replace(f"[{section}]\n", f"[{section}]\n{line}\n")
    (target / "planner.toml").write_text(settings, encoding="utf-8")
    return target
