"""Numbers with their units."""

import pytest

from rag.reader.units import with_unit
from rag.types import Span


@pytest.mark.parametrize(
    ("passage", "found", "wanted"),
    [
        ("实现18753亿元,增长", "18753", "18753亿元"),
        ("实现18753亿元,增长", "18753亿", "18753亿元"),
        ("實現1.2億元。", "1.2", "1.2億元"),
        ("有50多家企业", "50", "50多家"),
        ("90%以上", "90", "90%"),
        ("5亿日圆", "5亿", "5亿日圆"),
        ("2022年5月", "2022", "2022年"),
        ("2022年5月", "2022年", "2022年"),
        ("上升7个百分点", "7", "7个百分点"),
        ("见第12页", "第12", "第12页"),
        ("增长1.5%,", "1.5%", "1.5%"),
        ("共12。", "12", "12"),
        ("刘七本名", "刘七", "刘七"),
        ("有14所高校", "14所高校", "14所高校"),
    ],
)
def test_a_number_takes_its_unit(passage: str, found: str, wanted: str) -> None:
    start = passage.index(found)
    span = with_unit(Span(start, start + len(found), found, 1.0, 2.0), passage)
    assert span == Span(start, start + len(wanted), wanted, 1.0, 2.0)
