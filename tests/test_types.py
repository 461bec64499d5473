"""The alignment: which raw character stands behind which character of the text."""

from hypothesis import given
from hypothesis import strategies as st

from rag.types import Alignment

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12)


def _alignment(steps: list[tuple[int, int]]) -> Alignment:
    ranges, position = [], 0
    for gap, length in steps:
        ranges.append((position + gap, position + gap + length))
        position += gap + length
    return Alignment.of(ranges)


def test_empty_ranges_are_left_out_and_touching_ones_joined() -> None:
    assert Alignment.of([(0, 2), (2, 3), (4, 4), (5, 6)]).ranges == ((0, 3), (5, 6))
    assert Alignment.of([]).ranges == ()


@given(pairs, st.data())
def test_a_slice_aligns_the_slice(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    alignment = _alignment(steps)
    raw = "".join(chr(0x4E00 + i) for i in range(200))
    text = alignment.apply(raw)
    assert len(alignment) == len(text)
    assert list(text) == sorted(set(text))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    part = alignment.slice(start, end)
    assert part.apply(raw) == text[start:end]
    assert part == Alignment.of(part.ranges), "no empty, no touching ranges"
    if start < end:
        first, last = alignment.raw_span(start, end)
        assert (raw[first], raw[last - 1]) == (text[start], text[end - 1])


def test_alignments_with_the_same_ranges_are_equal_and_show_nothing_else() -> None:
    assert Alignment(((1, 3),)) == Alignment.of([(1, 2), (2, 3)])
    assert repr(Alignment(((1, 3),))) == "Alignment(ranges=((1, 3),))"
