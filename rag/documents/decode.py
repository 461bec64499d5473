"""Bytes to text: UTF-8, UTF-16, GB18030 or Big5, whichever the file is in."""

import codecs
import unicodedata
from collections.abc import Callable

from rag.errors import DocumentError

# Both GB 2312 and Big5 put their common characters first: level 1 of GB 2312 has the 3,755 most used Simplified ones
# under the lead bytes B0 to D7, level 1 of Big5 the 5,401 most used Traditional ones under A4 to C6. Lead bytes
# below them hold punctuation. Text read in the wrong one of the two lands mostly outside.
_LEVEL_1 = {"gb2312": (range(0xB0, 0xD8), range(0xA1, 0xA4)), "big5": (range(0xA4, 0xC7), range(0xA1, 0xA4))}

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# A text decoded right has nearly all of its characters in common use; one decoded wrong, at most about half.
_MIN_COMMON_SHARE = 0.6
# Control characters in running text are stray; in data they abound.
_MAX_CONTROL_SHARE = 0.05


def decode(data: bytes, name: str) -> tuple[str, str]:
    """The text of a file and its encoding. A byte-order mark is not part of the text; line ends stay as they are.

    A mark at the beginning decides, then valid UTF-8; otherwise the encoding in which the largest share of the
    characters is in common use (ties go to the one named first).

    Raises:
        DocumentError: `data` is empty or no text in any of these encodings. `name` is named in the message.
    """
    if not data.strip():
        raise DocumentError(f"{name} is empty: expected an article; put text in it or remove it")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _checked(_try(data[len(mark) :], encoding), name), encoding
    text = _try(data, "utf-8")
    if text is not None and text.count("\0") <= _MAX_CONTROL_SHARE * len(text):
        return _checked(text, name), "utf-8"
    rivals: tuple[tuple[str, Callable[[str], float]], ...] = (
        ("gb18030", lambda text: _common_share(text, "gb2312")),
        ("big5", lambda text: _common_share(text, "big5")),
        ("utf-16-le", lambda text: max(_common_share(text, "gb2312"), _common_share(text, "big5"))),
        ("utf-16-be", lambda text: max(_common_share(text, "gb2312"), _common_share(text, "big5"))),
    )
    best, best_share, best_encoding = None, _MIN_COMMON_SHARE, ""
    for encoding, share_of in rivals:
        text = _try(data, encoding)
        if text is not None and "\0" not in text and (share := share_of(text)) > best_share:
            best, best_share, best_encoding = text, share, encoding
    return _checked(best, name), best_encoding


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _checked(text: str | None, name: str) -> str:
    if text is not None:
        control = sum(unicodedata.category(c) == "Cc" and not c.isspace() for c in text)
        if control <= _MAX_CONTROL_SHARE * len(text):
            return text
    raise DocumentError(
        f"{name} is no text: expected UTF-8, UTF-16, GB18030 or Big5; convert it to one of them or remove it"
    )


def _common_share(text: str, table: str) -> float:
    """The share of `text` that is printable ASCII or of the first level of `table`, 0 to 1."""
    common = sum(c.isprintable() or c.isspace() if c.isascii() else _is_common(c, table) for c in text)
    return common / len(text) if text else 0.0


def _is_common(character: str, table: str) -> bool:
    try:
        lead = character.encode(table)[0]
    except UnicodeEncodeError:
        return False
    return any(lead in leads for leads in _LEVEL_1[table])
