"""How a text file is written: encoding, delimiter, header, and which line each record starts on."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from planner.errors import PlannerError

DELIMITERS = (",", ";", "\t")
_HEAD = 1 << 20
_CHUNK = 1 << 23
_MAGIC = {
    b"PK\x03\x04": ("is an Excel workbook or a ZIP archive, not CSV", "save the sheet as CSV UTF-8"),
    b"\xd0\xcf\x11\xe0": ("is an old Excel workbook, not CSV", "save the sheet as CSV UTF-8"),
    b"PAR1": ("is a Parquet file, not CSV", "name it .parquet"),
    b"\x1f\x8b": ("is compressed, not CSV", "name it .csv.gz"),
    b"%PDF": ("is a PDF, not CSV", "export the table as CSV"),
}
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


class UnreadableError(PlannerError):
    """The file as a whole cannot be read: message is the rule it breaks. Becomes one issue of the file."""

    def __init__(self, rule: str, hint: str = "", row: int | None = None, value: str = "") -> None:
        super().__init__(rule, hint)
        self.row = row
        self.value = value


@dataclass(frozen=True)
class Text:
    """A file as UTF-8 bytes: `header` as written, rows from byte `start` on, the first of them on line `line`."""

    data: bytes
    delimiter: str
    header: tuple[str, ...]
    header_line: int
    start: int
    line: int

    @property
    def quoted(self) -> bool:
        return b'"' in self.data


def plain(name: str) -> str:
    """A header word without case, spaces and punctuation: `On Hand` and `on_hand` are one word."""
    return re.sub(r"[\W_]+", "", name.casefold())


def open_text(path: Path, words: Collection[str]) -> Text:
    """The file with its dialect; `words` are the columns expected, which tell the delimiter.

    Raises UnreadableError when it is empty, binary, in no known encoding, or without a header.
    """
    data = _utf8(_bytes(path))
    line, start = _skip_preamble(data)
    head = data[start : start + _HEAD].decode("utf-8", errors="ignore")
    if not head.strip():
        raise UnreadableError("is empty", f"the first line names the columns: {','.join(list(words)[:4])}")
    expected = {plain(word): word for word in words}
    best = max(DELIMITERS, key=lambda delimiter: _fit(head, delimiter, expected))
    header, length, lines = _record(head, best)
    _check_delimiter(header, expected, line)
    return Text(data, best, header, line, start + length, line + lines)


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix.lower() == ".gz" else data
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UnreadableError("is damaged: it does not unpack", "compress it again with gzip") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}", "check the permissions of the file") from None


def _utf8(data: bytes) -> bytes:
    """The content as UTF-8 without a byte order mark, from whatever it is written in."""
    for magic, (rule, hint) in _MAGIC.items():
        if data.startswith(magic):
            raise UnreadableError(rule, hint)
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data[len(bom) :] if encoding == "utf-8" else _recode(data[len(bom) :], encoding)
    if b"\0" in data[:_HEAD]:
        return _recode(data, _wide_encoding(data[:_HEAD]))
    if _is_utf8(data):
        return data
    return _recode(data, "gb18030" if _is_chinese(data) else "cp1252")


def _recode(data: bytes, encoding: str) -> bytes:
    try:
        return data.decode(encoding).encode()
    except UnicodeError:
        raise UnreadableError("is not a text file in UTF-8, UTF-16, GBK or cp1252", "save it as CSV UTF-8") from None


def _wide_encoding(head: bytes) -> str:
    """UTF-16 without a mark shows as a zero in nearly every second byte; other zeros mean a binary file."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < 0.3 * len(head) / 2 or min(even, odd) > 0.1 * max(even, odd) or len(head) < 8:
        raise UnreadableError("is a binary file, not CSV", "save it as CSV UTF-8")
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _CHUNK):
            decoder.decode(data[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(data: bytes) -> bool:
    """Chinese text consists of pairs from the 3,755 most frequent characters, which accents seldom form."""
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    letters = [letter for letter in text[: 4 * _HEAD] if ord(letter) > 127]
    return sum(map(_is_frequent, letters)) >= 0.7 * len(letters)


def _is_frequent(letter: str) -> bool:
    pair = letter.encode("gb18030")
    return len(pair) == 2 and pair[1] >= 0xA1 and (0xB0 <= pair[0] <= 0xD7 or 0xA1 <= pair[0] <= 0xA9)


def _skip_preamble(data: bytes) -> tuple[int, int]:
    """Line and byte at which the header starts: behind blank lines and Excel's `sep=;`."""
    line, start = 1, 0
    for match in re.finditer(rb"[^\r\n]*(?:\r\n|\r|\n)", data[:_HEAD]):
        content = match[0].strip()
        if content and not re.fullmatch(rb'"?sep=.?"?', content, re.IGNORECASE):
            break
        line, start = line + 1, match.end()
    return line, start


def _fit(head: str, delimiter: str, expected: Collection[str]) -> tuple[int, int]:
    header, _, _ = _record(head, delimiter)
    return sum(plain(name) in expected for name in header), len(header)


def _record(head: str, delimiter: str) -> tuple[tuple[str, ...], int, int]:
    """The first record, its length in bytes and its number of lines."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(head, newline=""):
            taken.append(line)
            yield line

    fields = next(csv.reader(lines(), delimiter=delimiter), [])
    return tuple(field.strip() for field in fields), len("".join(taken).encode()), len(taken)


def _check_delimiter(header: tuple[str, ...], expected: Mapping[str, str], line: int) -> None:
    if any(plain(name) in expected for name in header):
        return
    shown = header[0][:60]
    if len(header) == 1 and any(mark in shown for mark in "|:~^"):
        raise UnreadableError(
            "is not separated by comma, semicolon or tab", "export it with one of these", row=line, value=shown
        )
    raise UnreadableError(
        "is no header: none of the expected columns is named",
        f"the first line names the columns: {', '.join(list(expected.values())[:4])}",
        row=line,
        value=shown,
    )


def record_lines(text: Text, wanted: Collection[int], usable_only: bool) -> dict[int, int]:
    """Line on which each wanted record starts; records count from 0 behind the header, blank lines left out.

    `usable_only` counts only what becomes a row: as many cells as the header has, not all of them empty.
    """
    found: dict[int, int] = {}
    if not wanted:
        return found
    last, number, previous = max(wanted), 0, 0
    for fields, end in _records(text):
        if fields and (not usable_only or _usable(fields, len(text.header))):
            if number in wanted:
                found[number] = text.line + previous
            number += 1
        if number > last:
            break
        previous = end
    return found


def _usable(fields: list[str], width: int) -> bool:
    return len(fields) == width and any(field.strip() for field in fields)


def _records(text: Text) -> Iterator[tuple[list[str], int]]:
    stream = io.TextIOWrapper(io.BytesIO(text.data[text.start :]), encoding="utf-8", newline="")
    reader = csv.reader(stream, delimiter=text.delimiter)
    for fields in reader:
        yield fields, reader.line_num


def unclosed_quote(text: Text) -> int | None:
    """Line of the record whose quote is never closed, if there is one."""
    if text.data.count(b'"', text.start) % 2 == 0:
        return None
    stream = io.TextIOWrapper(io.BytesIO(text.data[text.start :]), encoding="utf-8", newline="")
    reader = csv.reader(stream, delimiter=text.delimiter, strict=True)
    before = 0
    while True:
        try:
            if next(reader, None) is None:
                return None
            before = reader.line_num
        except csv.Error as error:
            if "unexpected end" in str(error):
                return text.line + before
