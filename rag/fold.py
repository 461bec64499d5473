"""The folded shadow of a text: what is matched, never what is shown.

Folding makes spellings equal that a reader takes as the same: Traditional and Simplified characters (OpenCC `t2s`),
full-width and half-width forms (Unicode NFKC), upper and lower case. It never changes the length, so an offset into
the shadow is an offset into the text.
"""

import re
import unicodedata
from functools import cache

import opencc

_SURROGATE = re.compile("([\ud800-\udfff])")


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _fold_character(character: str) -> str:
    """One character folded to one character; one whose folded form is longer (`㈱`, `ß`) only loses its case."""
    for form in (unicodedata.normalize("NFKC", character).casefold(), character.lower()):
        if len(form) == 1:
            return form
    return character


def simplify(text: str) -> str:
    """`text` in Simplified characters, as long as `text`.

    OpenCC looks at phrases first (乾坤 keeps its 乾). Its phrases keep their length; should a newer table hold one
    that does not, the text is converted character by character. Lone surrogates, which it refuses, stay.
    """
    if _SURROGATE.search(text):
        return "".join(part if _SURROGATE.match(part) else simplify(part) for part in _SURROGATE.split(text))
    simplified: str = _simplifier().convert(text)
    if len(simplified) == len(text):
        return simplified
    return "".join(form if len(form) == 1 else c for c in text for form in (_simplifier().convert(c),))


def fold(text: str) -> str:
    """`text` in Simplified characters, NFKC forms and lower case: `len(fold(text)) == len(text)`."""
    return "".join(map(_fold_character, simplify(text)))
