"""The compiled inner loops of the search, called with plain arrays. Nothing here knows tables or settings.

Compiled code is kept beside the sources, each function with what it calls built in. numba notices only when a
function's own file changes, so on any change of the room all of it is compiled again.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path


def forget_stale(folder: Path) -> bool:
    """Drop the compiled code of a folder if it was made from other sources; whether there was any to drop."""
    sources = sorted(folder.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    kept = folder / "__pycache__"
    marker, stale = kept / "compiled-from", [*kept.glob("*.nbi"), *kept.glob("*.nbc")]
    with suppress(OSError):
        if marker.is_file() and marker.read_text() == digest:
            return False
        for path in stale:
            path.unlink(missing_ok=True)
        kept.mkdir(exist_ok=True)
        marker.write_text(digest)
    return bool(stale)


forget_stale(Path(__file__).parent)
