"""The folded shadow keeps the length, whatever it is given."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from rag.fold import fold, simplify


def test_spellings_that_a_reader_takes_as_the_same_fold_to_the_same() -> None:
    assert fold("錢塘區GDP,157.36億元") == fold("钱塘区gdp,157.36亿元") == "钱塘区gdp,157.36亿元"


def test_phrases_are_simplified_as_phrases() -> None:
    assert simplify("乾坤,乾淨") == "乾坤,干净"


def test_a_character_whose_folded_form_is_longer_only_loses_its_case() -> None:
    assert fold("㈱ßÄ…İ") == "㈱ßä…İ"


@given(st.text(st.characters(exclude_categories=())))
def test_the_length_stays_also_with_lone_surrogates_and_nul(text: str) -> None:
    assert len(simplify(text)) == len(text)
    assert len(fold(text)) == len(text)


def test_no_character_at_all_changes_the_length() -> None:
    for start in range(0, sys.maxunicode + 1, 0x1000):
        text = "".join(map(chr, range(start, start + 0x1000)))
        assert len(fold(text)) == len(text)


def test_lone_surrogates_stay_and_the_rest_is_folded() -> None:
    assert fold("\ud800區\udfffA") == "\ud800区\udfffa"
