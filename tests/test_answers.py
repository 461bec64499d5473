"""Spans to answers: order, grouping, abstention."""

import math

import pytest

from rag import answers
from rag.types import Alignment, Answer, Candidate, Passage, Span


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
    return Candidate(number, passage, 0.05, 1, 1, 1)


def span(text: str, quote: str, score: float, no_answer_score: float = 0.0) -> Span:
    start = text.index(quote)
    return Span(start, start + len(quote), quote, score, no_answer_score)


def decide(question: str, candidates: list[Candidate], spans: list[Span], least: float) -> Answer:
    """With sentences that are all as likely, so that the spans decide."""
    sentences = [Span(0, len(c.passage.text), c.passage.text, 0.0, 0.0) for c in candidates]
    return answers.decide(question, candidates, spans, sentences, least)


def confidence(score: float, no_answer_score: float, sentence_score: float = 0.0) -> float:
    """The logistic model, written out."""
    log_odds = -0.72 - 0.462 * no_answer_score + 1.09 * (score + no_answer_score) + 0.452 * sentence_score
    return 1 / (1 + math.exp(-log_odds))


FIRST, SECOND, THIRD = "共有14所高校。", "高校共14所高校!", "常住人口79.3万。"


def test_the_most_confident_span_answers_and_is_cited() -> None:
    answer = decide(
        "有多少高校?",
        [candidate(1, FIRST), candidate(3, THIRD)],
        [span(FIRST, "14所", 1.0), span(THIRD, "79.3万", -1.0)],
        0.0,
    )
    assert (answer.answered, answer.text, answer.reason) == (True, "14所", None)
    assert answer.confidence == pytest.approx(confidence(1.0, 0.0))
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
    reached = decide(*asked, 0.0).confidence
    assert decide(*asked, reached).answered
    answer = decide(*asked, reached + 1e-9)
    assert (answer.answered, answer.text, answer.citations) == (False, "", ())
    assert (answer.reason, answer.confidence) == ("low_confidence", reached)
    assert [other.text for other in answer.alternatives] == ["14所"]


def test_abstains_without_candidates_and_without_spans() -> None:
    assert decide("?", [], [], 0.5).reason == "no_candidates"
    empty = Span(0, 0, "", -math.inf, 0.0)
    answer = decide("?", [candidate(1, FIRST)], [empty], 0.0)
    assert (answer.reason, answer.confidence, answer.alternatives) == ("no_span", 0.0, ())


def test_confidence_weighs_span_no_answer_and_sentence() -> None:
    spans = [span(FIRST, "14所", 3.0, no_answer_score=-4.0)]
    sentence = Span(0, len(FIRST), FIRST, 2.0, 0.5)
    answer = answers.decide("?", [candidate(1, FIRST)], spans, [sentence], 0.0)
    assert answer.confidence == pytest.approx(confidence(3.0, -4.0, 1.5))


@pytest.mark.parametrize(
    "question",
    ["为什么有高校?", "為何有高校?", "如何办高校?", "高校是怎么办的?", "Why are there any?", "How is it done?"],
)
def test_a_reason_or_a_way_is_a_sentence(question: str) -> None:
    answer = decide(question, [candidate(1, FIRST)], [span(FIRST, "14所", 1.0)], 0.0)
    assert answer.text == FIRST


@pytest.mark.parametrize("question", ["有多少高校?", "How many are there?", "How long is it?", "Who shows it?"])
def test_anything_else_is_a_span(question: str) -> None:
    assert decide(question, [candidate(1, FIRST)], [span(FIRST, "14所", 1.0)], 0.0).text == "14所"


def test_a_span_without_any_chance_has_no_confidence() -> None:
    answer = decide("?", [candidate(1, FIRST)], [span(FIRST, "14所", -1e6)], 0.5)
    assert answer.confidence == 0.0


def test_ties_go_to_the_better_candidate() -> None:
    answer = decide(
        "?", [candidate(1, FIRST), candidate(3, THIRD)], [span(FIRST, "14所", 1.0), span(THIRD, "79.3万", 1.0)], 0.0
    )
    assert answer.text == "14所"


def test_plain_json() -> None:
    answer = decide("问?", [candidate(1, FIRST)], [span(FIRST, "14所", 0.0)], 0.0)
    assert answer.to_dict() == {
        "question": "问?",
        "answered": True,
        "text": "14所",
        "confidence": answer.confidence,
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
                "score": answer.confidence,
            }
        ],
        "alternatives": [],
    }


@pytest.mark.parametrize(
    ("first", "second", "groups"),
    [("二〇二三年", "2023年", 1), ("1.2亿", "120000000", 1), ("1.5%", "15%", 2), ("2万", "2亿", 2), ("A.B", "ab", 1)],
)
def test_equal_numbers_and_dates_are_one_answer(first: str, second: str, groups: int) -> None:
    answer = decide(
        "?", [candidate(1, first), candidate(2, second)], [span(first, first, 1.0), span(second, second, 0.0)], 0.0
    )
    assert 1 + len(answer.alternatives) == groups
    assert len(answer.citations) == 3 - groups
