"""The folded shadow of a text: what is matched, never what is shown.

Folding makes spellings equal that a reader takes as the same: Traditional and Simplified characters (OpenCC `t2s`),
full-width and half-width forms (Unicode NFKC), upper and lower case. It never changes the length, so an offset into
the shadow is an offset into the text.
"""

import re
import unicodedata
from functools import cache

import opencc

_HANZI = re.compile("[\u3400-\u9fff]")
_SURROGATE = re.compile("([\ud800-\udfff])")


@cache
def _converter(table: str) -> opencc.OpenCC:
    return opencc.OpenCC(table)


@cache
def _fold_character(character: str) -> str:
    """One character folded to one character; one whose folded form is longer (`㈱`, `ß`) only loses its case."""
    for form in (unicodedata.normalize("NFKC", character).casefold(), character.lower()):
        if len(form) == 1:
            return form
    return character


def has_hanzi(text: str) -> bool:
    """Whether a Chinese character of the basic block or its first extension is among those of `text`."""
    return _HANZI.search(text) is not None


def simplify(text: str) -> str:
    """`text` in Simplified characters, as long as `text`."""
    return _convert("t2s", text)


def to_traditional(text: str) -> str:
    """`text` in Traditional characters, as long as `text`."""
    return _convert("s2t", text)


def _convert(table: str, text: str) -> str:
    """`text` by a table of OpenCC, which looks at phrases first (乾坤 keeps its 乾).

    Phrases keep their length; should a newer table hold one that does not, the text is converted character by
    character. Lone surrogates, which OpenCC refuses, stay.
    """
    if _SURROGATE.search(text):
        return "".join(part if _SURROGATE.match(part) else _convert(table, part) for part in _SURROGATE.split(text))
    converted: str = _converter(table).convert(text)
    if len(converted) == len(text):
        return converted
    return "".join(form if len(form) == 1 else c for c in text for form in (_converter(table).convert(c),))


def fold(text: str) -> str:
    """`text` in Simplified characters, NFKC forms and lower case: `len(fold(text)) == len(text)`."""
    return "".join(map(_fold_character, simplify(text)))
