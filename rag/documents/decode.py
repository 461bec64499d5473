"""Bytes to text: UTF-8, UTF-16, GB18030 or Big5, whichever the file is in."""

import codecs
import re
from collections.abc import Callable

from rag.errors import DocumentError

# Files that some folder of articles also holds, by their first bytes, and what they are: they need an export, not
# another encoding.
_BINARIES = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a zip, Word or EPUB file",
    b"\xd0\xcf\x11\xe0": "an old Word or Excel file",
    b"{\\rtf": "an RTF file",
    b"\x1f\x8b": "a gzip file",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"\x7fELF": "a program",
}

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Both GB 2312 and Big5 put their common characters first: level 1 of GB 2312 has the 3,755 most used Simplified ones
# under the lead bytes B0 to D7, level 1 of Big5 the 5,401 most used Traditional ones under A4 to C6. Lead bytes
# below them hold punctuation. Text read in the wrong one of the two lands mostly outside.
_LEVEL_1 = {"gb2312": (range(0xB0, 0xD8), range(0xA1, 0xA4)), "big5": (range(0xA4, 0xC7), range(0xA1, 0xA4))}

# A text decoded right has nearly all of its characters in common use; one decoded wrong, at most about half.
_MIN_COMMON_SHARE = 0.6
# More of a long text is not looked at to find its encoding.
_SAMPLE = 50_000
# Control characters in running text are stray; in data they abound.
_MAX_CONTROL_SHARE = 0.05
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# UTF-8 cut off within a character, or with a few bytes destroyed, is still UTF-8 where at least so many characters
# outside ASCII are whole for one that is not. In text of another encoding hardly any are.
_WHOLE_FOR_ONE_BROKEN = 20


def decode(data: bytes, name: str) -> tuple[str, str]:
    """The text of a file and its encoding. A byte-order mark is not part of the text; line ends stay as they are.

    A mark at the beginning decides, then UTF-8, valid but for a few destroyed characters; otherwise the encoding in
    which the largest share of the characters is in common use (ties go to the one named first).

    Raises:
        DocumentError: `data` is empty or no text in any of these encodings. `name` is named in the message.
    """
    for signature, kind in _BINARIES.items():
        if data.startswith(signature):
            raise DocumentError(f"{name} is {kind}: expected an article as plain text; export its text or remove it")
    text, encoding = _read(data)
    if text is not None and not text.strip("\0\ufeff \t\r\n"):
        raise DocumentError(f"{name} is empty: expected an article; put text in it or remove it")
    if text is None or _is_data(text):
        raise DocumentError(
            f"{name} is no text: expected UTF-8, UTF-16, GB18030 or Big5; convert it to one of them or remove it"
        )
    return text, encoding


def _read(data: bytes) -> tuple[str | None, str]:
    """The text of `data` in the encoding that fits best, None if none fits."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            rest = data[len(mark) :]
            text = _try(rest, encoding)
            return _damaged_utf8(rest) if text is None and encoding == "utf-8" else text, encoding
    text = _try(data, "utf-8")
    text = _damaged_utf8(data) if text is None else text
    if text is not None and not _is_data(text):
        return text, "utf-8"
    best, best_encoding, best_share = text, "utf-8", _MIN_COMMON_SHARE
    for encoding, share_of in _RIVALS:
        text = _try(data, encoding)
        if text is not None and "\0" not in text and (share := share_of(text)) > best_share:
            best, best_encoding, best_share = text, encoding, share
    return best, best_encoding


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _damaged_utf8(data: bytes) -> str | None:
    """UTF-8 with the replacement character for what is broken, None if too much is."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = sum(not character.isascii() for character in text) - broken
    return text if whole >= _WHOLE_FOR_ONE_BROKEN * broken else None


def _is_data(text: str) -> bool:
    return len(_CONTROL.findall(text)) > _MAX_CONTROL_SHARE * len(text)


def _common_share(text: str, table: str) -> float:
    """The share of `text` that is printable ASCII or of the first level of `table`, 0 to 1."""
    sample = text[:_SAMPLE]
    common = sum(c.isprintable() or c.isspace() if c.isascii() else _is_common(c, table) for c in sample)
    return common / len(sample) if sample else 0.0


def _is_common(character: str, table: str) -> bool:
    try:
        lead = character.encode(table)[0]
    except UnicodeEncodeError:
        return False
    return any(lead in leads for leads in _LEVEL_1[table])


def _common_share_of_either(text: str) -> float:
    return max(_common_share(text, "gb2312"), _common_share(text, "big5"))


_RIVALS: tuple[tuple[str, Callable[[str], float]], ...] = (
    ("gb18030", _common_share_of_either),  # it holds the Traditional characters too
    ("big5", lambda text: _common_share(text, "big5")),
    ("utf-16-le", _common_share_of_either),
    ("utf-16-be", _common_share_of_either),
)
