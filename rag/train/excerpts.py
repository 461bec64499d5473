"""Passages of another length: cut to a few sentences, as long as the paragraphs of articles are, or joined to articles.

The passages of question sets are whole sections of encyclopaedias. A reader that has seen little else takes a short
passage for the tail of a long one, which seldom holds the answer, and says "no answer" for its length alone. Where a
set's passages are paragraphs, their article as one passage holds more that is like the answer and is not.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rag.passages import sentences
from rag.train.squad import GoldAnswer, GoldQuestion, Paragraph, QuestionSet

LONGEST = 4  # sentences of an excerpt, more where an answer runs on; not tuned


def excerpt_set(data: QuestionSet, random: np.random.Generator) -> QuestionSet:
    """The set with each passage cut into runs of 1 to `LONGEST` sentences, drawn from `random` in the order of the set.

    Each answer goes with the run that it stands in, as none is cut through; a question without an answer, whose whole
    passage holds none, with any run.
    """
    return data.keep(excerpt for paragraph in data.paragraphs for excerpt in _excerpts(paragraph, random))


def joined_set(data: QuestionSet) -> QuestionSet:
    """The set with each article as one passage: its paragraphs one after the other, nothing between them.

    A question without an answer must have none in the whole article.
    """
    return data.keep(_joined([p for p in data.paragraphs if p.article == article]) for article in data.articles)


def _joined(paragraphs: list[Paragraph]) -> Paragraph:
    questions: list[GoldQuestion] = []
    length = 0
    for paragraph in paragraphs:
        for question in paragraph.questions:
            answers = tuple(GoldAnswer(answer.text, answer.start + length) for answer in question.answers)
            questions.append(replace(question, answers=answers))
        length += len(paragraph.text)
    return replace(paragraphs[0], text="".join(p.text for p in paragraphs), questions=tuple(questions))


def _excerpts(paragraph: Paragraph, random: np.random.Generator) -> Iterator[Paragraph]:
    runs = _runs(paragraph, random)
    drawn = {q.id: runs[int(random.integers(len(runs)))] for q in paragraph.questions if not q.answers}
    for start, end in runs:
        within = (_within(question, start, end) for question in paragraph.questions)
        asked = tuple(q for q in within if q.answers or drawn.get(q.id) == (start, end))
        yield replace(paragraph, text=paragraph.text[start:end], questions=asked)


def _runs(paragraph: Paragraph, random: np.random.Generator) -> list[tuple[int, int]]:
    """Ranges that tile the passage's sentences."""
    answers = [answer for question in paragraph.questions for answer in question.answers]
    runs: list[tuple[int, int]] = []
    wanted = 0
    for start, end in sentences(paragraph.text):
        whole = not any(answer.start < start < answer.end for answer in answers)
        if wanted <= 0 and whole:
            runs.append((start, end))
            wanted = int(random.integers(1, LONGEST + 1))
        else:
            runs[-1] = (runs[-1][0], end)
        wanted -= 1
    return runs


def _within(question: GoldQuestion, start: int, end: int) -> GoldQuestion:
    """The question with those of its answers that stand in `start … end`, counted from `start`."""
    answers = (GoldAnswer(a.text, a.start - start) for a in question.answers if start <= a.start and a.end <= end)
    return replace(question, answers=tuple(answers))
