"""Chinese names in Latin letters: pinyin without tones (pypinyin), `钱塘` -> `qiantang`.

A name that jieba does not know is not one word of the collection: it stands there in pieces (`铎 阳`), or tied to what
follows it (`鹭渚经 开区`). So names are looked up in pieces and as the beginning of words too.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache

from pypinyin import lazy_pinyin

from rag.index.bridge.glosses import is_common, is_english
from rag.index.bridge.numbers import Reading
from rag.index.lexical import is_listed, rarity

MAX_PARTS = 4  # a name is looked up in up to so many pieces, `Xiao shan` and `Wang Xiaoming`
_MIN_LETTERS = 4  # of a name; shorter are syllables, which a hundred words share
_MAX_CHARACTERS = 8  # longer words are phrases, and no names
_MAX_PIECES = 3  # that jieba may have cut a name into
_MAX_PIECE = 3  # characters of one
_MAX_SPELT = 4  # characters of a name in pieces
# Nats; all pieces of a name but one are rarer. 8, 9 and 10.5 find as many passages on the English questions about the
# first 261 articles of `rag/train/folder_train.json`.
_RARE = 9.0
_MAX_READINGS = 10  # of a name in pieces, those in most passages; 50 find no more of the same questions
_MAX_TIED = 5  # characters of a word that jieba made up of a name and what follows it
# What says of which kind a place is, and may be left out: 滨江区 is Binjiang.
_SUFFIXES = frozenset("省市区县州旗镇乡村路街道江河湖海山岛")
_HAS_VOWEL = re.compile("[aeiou]")  # 嗯 is `n`, and in no name
_VOWELS = tuple("aeo")  # a syllable within a name begins with none; pinyin would set it off by an apostrophe


@cache
def _syllables(word: str) -> tuple[str, ...]:
    """The pinyin of each character of `word`, with `u` for `ü`, as names are mostly written."""
    return tuple(syllable.replace("v", "u") for syllable in lazy_pinyin(word))


def _spelt(latin: str) -> str:
    """A name as `_syllables` spell it: `Lüliang` and `Lvliang` are both `luliang`."""
    return latin.replace("ü", "u").replace("v", "u")


def _stem(word: str) -> str:
    """A place's name without its suffix."""
    return word[:-1] if len(word) > 2 and word[-1] in _SUFFIXES else word


class Names:
    """The Chinese words of a collection by their pinyin. `passages` says which passages hold a word, by number."""

    def __init__(self, words: Iterable[str], passages: Callable[[str], Iterable[int]]) -> None:
        self._passages = passages
        self._words: dict[str, list[str]] = {}
        self._pieces: dict[str, list[str]] = {}
        self._openings: dict[str, list[str]] = {}
        for word in sorted(words):
            if len(word) <= _MAX_PIECE and all(map(_HAS_VOWEL.search, _syllables(word))):
                self._pieces.setdefault("".join(_syllables(word)), []).append(word)
            if 2 <= len(word) <= _MAX_CHARACTERS:
                for form in dict.fromkeys((word, _stem(word))):
                    self._words.setdefault("".join(_syllables(form)), []).append(word)
            if len(word) <= _MAX_TIED and not is_listed(word):
                for length in range(2, len(word)):
                    opening = _syllables(word)[:length]
                    if not any(syllable.startswith(_VOWELS) for syllable in opening[1:]):
                        self._openings.setdefault("".join(opening), []).append(word)

    def chinese(self, latin: str, is_word: bool) -> list[str]:
        """The names of the collection that are `latin` in pinyin (small letters, in one piece).

        A homophone that the dictionary knows as a common word only (宇航 is Yuhang as well) is taken where there is no
        name, unless `latin` is an English word itself (`is_word`).
        """
        found = self._words.get(_spelt(latin), []) if len(latin) >= _MIN_LETTERS else []
        names = [word for word in found if not is_common(word)]
        stems = {_stem(word) for word in names}
        return [word for word in found if word in stems or word in names] if names or is_word else found

    def in_pieces(self, phrase: Sequence[str]) -> list[Reading]:
        """What stands in the collection where jieba did not know the name that `phrase` is in pinyin (small letters;
        one word, or a surname and another): the words it made of the name and what follows, and the words and
        characters it cut the name into, as few as can be, that stand in one passage.

        None where `phrase` ends in an English word.
        """
        latin = _spelt("".join(phrase))
        is_name = len(phrase) == 1 or (len(phrase) == 2 and self._is_syllable(phrase[0]))
        if not is_name or len(latin) < _MIN_LETTERS or is_english(phrase[-1]):
            return []
        tied: list[Reading] = [(word,) for word in self._openings.get(latin, ())]
        for count in range(2, _MAX_PIECES + 1):
            found = {cut: len(passages) for cut, passages in self._cuts(latin, count, (), frozenset())}
            if found:
                return tied + sorted(found, key=lambda cut: (-found[cut], cut))[:_MAX_READINGS]
        return tied

    def _is_syllable(self, latin: str) -> bool:
        return any(len(piece) == 1 for piece in self._pieces.get(_spelt(latin), ()))

    def _cuts(
        self, latin: str, count: int, before: Reading, within: frozenset[int]
    ) -> Iterator[tuple[Reading, frozenset[int]]]:
        """All ways to spell what is left of a name in `count` words of the collection, after those it begins with,
        which stand in the passages `within`; each with the passages that hold all of it."""
        if not count:
            if not latin:
                yield before, within
            return
        if before and latin.startswith(_VOWELS):
            return
        left = _MAX_SPELT - len("".join(before)) - (count - 1)
        frequent = any(rarity(piece) <= _RARE for piece in before)
        for end in range(len(latin) if count == 1 else 1, len(latin) + 1):
            for piece in self._pieces.get(latin[:end], ()):
                if len(piece) > left or (frequent and rarity(piece) <= _RARE):
                    continue
                passages = frozenset(self._passages(piece))
                both = within & passages if before else passages
                if both:
                    yield from self._cuts(latin[end:], count - 1, (*before, piece), both)


def latin_of(word: str, known: Collection[str]) -> list[tuple[str, ...]]:
    """The ways to write a Chinese name in pinyin of which all parts are `known`: in one piece, in syllables, or with
    the surname by itself."""
    if not 2 <= len(word) <= _MAX_CHARACTERS:
        return []
    ways: dict[tuple[str, ...], None] = {}
    for form in (word, _stem(word)):
        for syllables in dict.fromkeys((_syllables(form), tuple(lazy_pinyin(form)))):  # with `u` and with `v` for `ü`
            ways |= dict.fromkeys([("".join(syllables),), syllables, (syllables[0], "".join(syllables[1:]))])
    return [way for way in ways if all(part in known for part in way) and sum(map(len, way)) >= _MIN_LETTERS]
