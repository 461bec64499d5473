"""Spans to answers: order, grouping, abstention."""

import math

import pytest

from rag.answers import decide
from rag.types import Alignment, Candidate, Passage, Span


def candidate(number: int, text: str) -> Candidate:
    passage = Passage(
        id=f"a.txt#{number}",
        source="a.txt",
        kind="article",
        title="题",
        section="节",
        date="2024-09-26",
        publisher="报",
        paragraph=number,
        text=text,
        alignment=Alignment.of([(100 * number, 100 * number + len(text))]),
    )
    return Candidate(passage, 0.05, 1, 1, 1)


def span(text: str, quote: str, score: float, no_answer_score: float = 0.0) -> Span:
    start = text.index(quote)
    return Span(start, start + len(quote), quote, score, no_answer_score)


FIRST, SECOND, THIRD = "共有14所高校。", "高校共14所高校!", "常住人口79.3万。"


def test_the_most_confident_span_answers_and_is_cited() -> None:
    answer = decide(
        "有多少高校?",
        [candidate(1, FIRST), candidate(3, THIRD)],
        [span(FIRST, "14所", 1.0), span(THIRD, "79.3万", -1.0)],
        0.5,
    )
    assert (answer.answered, answer.text, answer.reason) == (True, "14所", None)
    assert answer.confidence == pytest.approx(1 / (1 + math.exp(-1)))
    (citation,) = answer.citations
    assert (citation.quote, citation.quote_start, citation.quote_end) == ("14所", 2, 5)
    assert (citation.start, citation.end) == (102, 105)
    assert (citation.source, citation.title, citation.section) == ("a.txt", "题", "节")
    assert (citation.date, citation.publisher, citation.paragraph) == ("2024-09-26", "报", 1)
    (other,) = answer.alternatives
    assert (other.text, other.citations[0].start) == ("79.3万", 304)


def test_equal_answers_are_one_with_every_citation() -> None:
    answer = decide(
        "?",
        [candidate(1, FIRST), candidate(2, SECOND), candidate(3, THIRD)],
        [span(FIRST, "14所高校。", 0.0), span(SECOND, "14所高校!", 2.0), span(THIRD, "79.3万", 1.0)],
        0.0,
    )
    assert answer.text == "14所高校!"
    assert [citation.paragraph for citation in answer.citations] == [2, 1]
    assert [other.text for other in answer.alternatives] == ["79.3万"]


def test_abstains_below_the_least_confidence() -> None:
    asked = ("?", [candidate(1, FIRST)], [span(FIRST, "14所", 0.0)])
    assert decide(*asked, 0.5).answered
    answer = decide(*asked, 0.51)
    assert (answer.answered, answer.text, answer.citations) == (False, "", ())
    assert (answer.reason, answer.confidence) == ("low_confidence", 0.5)
    assert [other.text for other in answer.alternatives] == ["14所"]


def test_abstains_without_candidates_and_without_spans() -> None:
    assert decide("?", [], [], 0.5).reason == "no_candidates"
    empty = Span(0, 0, "", -math.inf, 0.0)
    answer = decide("?", [candidate(1, FIRST)], [empty], 0.0)
    assert (answer.reason, answer.confidence, answer.alternatives) == ("no_span", 0.0, ())


def test_confidence_weighs_the_span_against_no_answer() -> None:
    answer = decide("?", [candidate(1, FIRST)], [span(FIRST, "14所", 3.0, no_answer_score=3.0)], 0.0)
    assert answer.confidence == 0.5


def test_a_span_without_any_chance_has_no_confidence() -> None:
    answer = decide("?", [candidate(1, FIRST)], [span(FIRST, "14所", -1e6)], 0.5)
    assert answer.confidence == 0.0


def test_ties_go_to_the_better_candidate() -> None:
    answer = decide(
        "?", [candidate(1, FIRST), candidate(3, THIRD)], [span(FIRST, "14所", 1.0), span(THIRD, "79.3万", 1.0)], 0.0
    )
    assert answer.text == "14所"


def test_plain_json() -> None:
    answer = decide("问?", [candidate(1, FIRST)], [span(FIRST, "14所", 0.0)], 0.5)
    assert answer.to_dict() == {
        "question": "问?",
        "answered": True,
        "text": "14所",
        "confidence": 0.5,
        "reason": None,
        "citations": [
            {
                "source": "a.txt",
                "title": "题",
                "section": "节",
                "date": "2024-09-26",
                "publisher": "报",
                "paragraph": 1,
                "passage": FIRST,
                "quote": "14所",
                "quote_start": 2,
                "quote_end": 5,
                "start": 102,
                "end": 105,
                "score": 0.5,
            }
        ],
        "alternatives": [],
    }
