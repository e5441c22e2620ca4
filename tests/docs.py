"""The README shows real output: `python -m tests.docs` writes it anew, tests/test_docs.py compares it.

A block that starts with ```console holds commands behind `$ ` and what they print. Single quantities may differ from
machine to machine, so lines are compared without their digits; the key figures are compared by value, within a share.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
WIDTH = "110"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def blocks(text: str) -> list[str]:
    return _BLOCK.findall(text)


def command_of(block: str) -> str:
    """The command of a block: its first line, without `$ `."""
    return block.partition("\n")[0].removeprefix("$ ")


def printed(command: str, folder: Path) -> str:
    """What the command prints in `folder`, paths shortened to what a reader sees."""
    words = shlex.split(command)
    environment = {**os.environ, "COLUMNS": WIDTH, "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command}: exit {done.returncode}\n{done.stderr}")
    lines = [line.rstrip() for line in done.stdout.replace(f"{folder}/", "").splitlines()]
    return "\n".join(lines).strip("\n")


def with_output(text: str, folder: Path) -> str:
    """The text with the output of every block written anew, the commands run in order in one folder."""

    def fresh(match: re.Match[str]) -> str:
        command = command_of(match[1])
        output = printed(command, folder)
        return f"```console\n$ {command}\n{output}\n```" if output else f"```console\n$ {command}\n```"

    return _BLOCK.sub(fresh, text)


def without_digits(text: str) -> list[str]:
    """Lines with every number as # and every run name cut, so that another machine's figures compare equal."""
    named = re.sub(r"(\d{4}-\d{2}-\d{2}-[a-z-]+-)[0-9a-f]{8}", r"\1#", text)
    return [re.sub(r"\s+", " ", re.sub(r"[-+]?\d[\d.,]*", "#", line)).strip() for line in named.splitlines()]


def key_figures(text: str) -> dict[str, float]:
    """The key figures that the tour shows, by label: the number in each line of that table."""
    table = text.partition("Key figures\n")[2].partition("\n\n")[0]
    found = (re.match(r"(\S.*?)\s{2,}(?:[A-Z]{3} )?(-?[\d,.]+)", line) for line in table.splitlines()[1:])
    return {match[1]: float(match[2].replace(",", "")) for match in found if match}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(with_output(README.read_text(encoding="utf-8"), Path(folder).resolve()), encoding="utf-8")


if __name__ == "__main__":
    main()
