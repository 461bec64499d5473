"""Chinese names in Latin letters: pinyin without tones (pypinyin), `钱塘` -> `qiantang`."""

from collections.abc import Collection, Iterable
from functools import cache

from pypinyin import lazy_pinyin

from rag.index.bridge.glosses import is_common

MAX_PARTS = 4  # a name is looked up in up to so many pieces, `Xiao shan` and `Wang Xiaoming`
_MIN_LETTERS = 4  # of a name; shorter are syllables, which a hundred words share
_MAX_CHARACTERS = 8  # longer words are phrases, and no names
# What says of which kind a place is, and may be left out: 滨江区 is Binjiang.
_SUFFIXES = frozenset("省市区县州旗镇乡村路街道江河湖海山岛")


@cache
def _syllables(word: str) -> tuple[str, ...]:
    return tuple(lazy_pinyin(word))


def _stem(word: str) -> str:
    """A place's name without its suffix."""
    return word[:-1] if len(word) > 2 and word[-1] in _SUFFIXES else word


class Names:
    """The Chinese words of a collection by their pinyin."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: dict[str, list[str]] = {}
        for word in sorted(words):
            if 2 <= len(word) <= _MAX_CHARACTERS:
                for form in dict.fromkeys((word, _stem(word))):
                    self._words.setdefault("".join(_syllables(form)), []).append(word)

    def chinese(self, latin: str, is_word: bool) -> list[str]:
        """The names of the collection that are `latin` in pinyin (small letters, in one piece).

        A homophone that the dictionary knows as a common word only (宇航 is Yuhang as well) is taken where there is no
        name, unless `latin` is an English word itself (`is_word`).
        """
        found = self._words.get(latin, []) if len(latin) >= _MIN_LETTERS else []
        names = [word for word in found if not is_common(word)]
        stems = {_stem(word) for word in names}
        return [word for word in found if word in stems or word in names] if names or is_word else found


def latin_of(word: str, known: Collection[str]) -> list[tuple[str, ...]]:
    """The ways to write a Chinese name in pinyin of which all parts are `known`: in one piece, in syllables, or with
    the surname by itself."""
    if not 2 <= len(word) <= _MAX_CHARACTERS:
        return []
    ways: dict[tuple[str, ...], None] = {}
    for form in (word, _stem(word)):
        syllables = _syllables(form)
        ways |= dict.fromkeys([("".join(syllables),), syllables, (syllables[0], "".join(syllables[1:]))])
    return [way for way in ways if all(part in known for part in way) and sum(map(len, way)) >= _MIN_LETTERS]
