"""Chinese in its other script, character for character, so that answer offsets keep their place (OpenCC)."""

from enum import IntEnum
from functools import cache

from opencc import OpenCC


class Script(IntEnum):
    """How a text is put before the reader."""

    AS_WRITTEN = 0
    TRADITIONAL = 1
    SIMPLIFIED = 2


@cache
def _converter(name: str) -> OpenCC:
    return OpenCC(name)


def in_script(text: str, script: Script) -> str:
    """The text in another script, of the same length; as written where the conversion would change its length."""
    if script is Script.AS_WRITTEN:
        return text
    converted: str = _converter("s2t" if script is Script.TRADITIONAL else "t2s").convert(text)
    return converted if len(converted) == len(text) else text


def folded(text: str) -> str:
    """Simplified and case-folded: how texts are compared when negatives are chosen."""
    return in_script(text, Script.SIMPLIFIED).casefold()
