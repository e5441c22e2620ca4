"""Plain CSV for other systems."""

from planner.exports.csv_files import frame_to_csv, write_csv

__all__ = ["frame_to_csv", "write_csv"]
