"""`python -m planner` is `planner`."""

from planner.cli.app import run

if __name__ == "__main__":
    run()
