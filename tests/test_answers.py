"""Spans to answers: order, grouping, abstention."""

import math
from dataclasses import replace

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


def span(text: str, quote: str) -> Span:
    start = text.index(quote)
    return Span(start, start + len(quote), quote, 0.0, 0.0)


def logistic(log_odds: float, rival: float | None) -> float:
    """A confidence that leaves the rival out, but for a tenth where there is one."""
    return (1 if rival is None else 0.9) / (1 + math.exp(-log_odds))


def decide(question: str, found: list[tuple[Candidate, Span, float]], least: float) -> Answer:
    """The answer from candidates, what was chosen of them, and their log-odds."""
    ranked = answers.rank([answers.Reading(*one) for one in found], logistic)
    return answers.decide(question, ranked, [candidate for candidate, _, _ in found], least)


TWO = "共有14所高校。常住人口79.3万。"
FIRST, SECOND, THIRD = "共有14所高校。", "高校共14所高校!", "常住人口79.3万。"


def test_the_most_confident_span_answers_and_is_cited() -> None:
    found = [(candidate(3, THIRD), span(THIRD, "79.3万"), -1.0), (candidate(1, FIRST), span(FIRST, "14所"), 1.0)]
    answer = decide("有多少高校?", found, 0.0)
    assert (answer.answered, answer.text, answer.reason, answer.closest) == (True, "14所", None, ())
    assert answer.confidence == pytest.approx(0.9 / (1 + math.exp(-1)))
    (citation,) = answer.citations
    assert (citation.quote, citation.quote_start, citation.quote_end) == ("14所", 2, 5)
    assert (citation.start, citation.end) == (102, 105)
    assert (citation.source, citation.title, citation.section) == ("a.txt", "题", "节")
    assert (citation.date, citation.publisher, citation.paragraph) == ("2024-09-26", "报", 1)
    (other,) = answer.alternatives
    assert (other.text, other.citations[0].start) == ("79.3万", 304)
    assert other.confidence == pytest.approx(0.9 / (1 + math.exp(1)))


def test_equal_answers_are_one_with_every_citation() -> None:
    found = [
        (candidate(1, FIRST), span(FIRST, "14所高校。"), 0.0),
        (candidate(2, SECOND), span(SECOND, "14所高校!"), 2.0),
        (candidate(3, THIRD), span(THIRD, "79.3万"), 1.0),
    ]
    answer = decide("?", found, 0.0)
    assert answer.text == "14所高校!"
    assert [citation.paragraph for citation in answer.citations] == [2, 1]
    assert [other.text for other in answer.alternatives] == ["79.3万"]


def test_an_equal_answer_is_no_rival() -> None:
    found = [
        (candidate(1, FIRST), span(FIRST, "14所高校。"), 0.0),
        (candidate(2, SECOND), span(SECOND, "14所高校!"), 2.0),
    ]
    assert decide("?", found, 0.0).confidence == pytest.approx(1 / (1 + math.exp(-2)))


def test_abstains_below_the_least_confidence_and_shows_what_comes_closest() -> None:
    found = [(candidate(number, FIRST), span(FIRST, "14所"), 0.0) for number in (4, 3, 2, 1)]
    assert decide("?", found, 0.5).answered
    answer = decide("?", found, 0.51)
    assert (answer.answered, answer.text, answer.citations, answer.alternatives) == (False, "", (), ())
    assert (answer.reason, answer.confidence) == ("low_confidence", 0.5)
    assert [passage.paragraph for passage in answer.closest] == [4, 3, 2]
    assert answer.to_dict()["closest"][0] == {
        "id": "a.txt#4", "source": "a.txt", "title": "题", "section": "节", "date": "2024-09-26", "publisher": "报",
        "paragraph": 4, "text": FIRST, "start": 400, "end": 408,
    }  # fmt: skip


def test_abstains_without_candidates_and_without_spans() -> None:
    assert decide("?", [], 0.5).reason == "no_candidates"
    answer = decide("?", [(candidate(1, FIRST), Span(0, 0, "", -math.inf, 0.0), -math.inf)], 0.0)
    assert (answer.reason, answer.confidence, answer.alternatives) == ("no_span", 0.0, ())
    assert [passage.paragraph for passage in answer.closest] == [1]


@pytest.mark.parametrize(
    "question",
    ["为什么有高校?", "為何有高校?", "如何办高校?", "高校是怎么办的?", "Why are there any?", "How is it done?"],
)
def test_a_reason_or_a_way_is_a_sentence(question: str) -> None:
    assert answers.choose(question, [FIRST], [span(FIRST, "14所")]) == (span(FIRST, FIRST),)


@pytest.mark.parametrize("question", ["有多少高校?", "How many are there?", "How long is it?", "Who shows it?"])
def test_anything_else_is_a_span(question: str) -> None:
    assert answers.choose(question, [FIRST], [span(FIRST, "14所")]) == (span(FIRST, "14所"),)


def test_a_span_over_the_end_of_a_sentence_is_quoted_with_both() -> None:
    text = "起步早。\u3000因为近，也便宜。\n所以来了。 "
    assert answers.choose("为什么?", [text], [span(text, "便宜。\n所以")]) == (
        span(text, "因为近，也便宜。\n所以来了。"),
    )
    assert answers.choose("为什么?", [text], [span(text, "近")]) == (span(text, "因为近，也便宜。"),)


def test_nothing_is_in_no_sentence() -> None:
    assert answers.choose("为什么?", [""], [Span(0, 0, "", -100.0, 100.0)]) == (Span(0, 0, "", -100.0, 100.0),)


def test_a_weak_span_gives_way_to_the_sentence_it_stands_in() -> None:
    def chosen(share: float) -> str:
        weak = replace(span(TWO, "14所"), score=2.0, no_answer_score=share - 2.0)
        return answers.choose("有多少?", [TWO], [weak])[0].text

    assert chosen(-0.8) == "14所"
    assert chosen(-0.9) == "共有14所高校。"


def test_a_number_is_quoted_with_its_unit() -> None:
    assert answers.choose("有多少?", [FIRST], [span(FIRST, "14")]) == (span(FIRST, "14所"),)


def test_ties_go_to_the_better_candidate() -> None:
    found = [(candidate(1, FIRST), span(FIRST, "14所"), 1.0), (candidate(3, THIRD), span(THIRD, "79.3万"), 1.0)]
    assert decide("?", found, 0.0).text == "14所"


def test_plain_json() -> None:
    answer = decide("问?", [(candidate(1, FIRST), span(FIRST, "14所"), 0.0)], 0.0)
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
        "closest": [],
    }


@pytest.mark.parametrize(
    ("first", "second", "groups"),
    [("二〇二三年", "2023年", 1), ("1.2亿", "120000000", 1), ("1.5%", "15%", 2), ("2万", "2亿", 2), ("A.B", "ab", 1)],
)
def test_equal_numbers_and_dates_are_one_answer(first: str, second: str, groups: int) -> None:
    found = [(candidate(1, first), span(first, first), 1.0), (candidate(2, second), span(second, second), 0.0)]
    answer = decide("?", found, 0.0)
    assert 1 + len(answer.alternatives) == groups
    assert len(answer.citations) == 3 - groups
