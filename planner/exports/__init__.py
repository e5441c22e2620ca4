"""Plain CSV for other systems."""

from planner.exports.csv_files import file_names, frame_to_csv, write_csv

__all__ = ["file_names", "frame_to_csv", "write_csv"]
