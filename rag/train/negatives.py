"""Hard negatives: passages that a word search finds for a question, and that do not hold its answer.

BM25 over jieba words of the folded text, the lexical half of the product's own retriever, within one question set: sets
that share articles in translation would otherwise offer the right passage, differently worded, as a wrong one.
"""

from collections.abc import Sequence

import bm25s
import jieba
import numpy as np

from rag.train.scripts import folded
from rag.train.squad import Paragraph, QuestionSet

CANDIDATES = 40  # passages looked at for each question
KEPT = 8  # of them kept, best first


def hard_negatives(
    passages: QuestionSet, questions: Sequence[tuple[Paragraph, str, tuple[str, ...]]]
) -> list[list[int]]:
    """For each (own paragraph, question, answers): numbers of paragraphs of other articles, best match first."""
    texts = [folded(paragraph.text) for paragraph in passages.paragraphs]
    retriever = bm25s.BM25()
    retriever.index([_words(text) for text in texts], show_progress=False)
    depth = min(CANDIDATES, len(texts))
    result: list[list[int]] = []
    for own, question, answers in questions:
        words = [word for word in _words(folded(question)) if word in retriever.vocab_dict]
        scores = retriever.get_scores(words) if words else np.zeros(len(texts), np.float32)
        ranked = np.argsort(-scores, kind="stable")[:depth]
        forbidden = [folded(answer) for answer in answers]
        result.append([int(number) for number in ranked if _fits(passages, texts, int(number), own, forbidden)][:KEPT])
    return result


def _fits(passages: QuestionSet, texts: list[str], number: int, own: Paragraph, forbidden: list[str]) -> bool:
    elsewhere = passages.paragraphs[number].article != own.article
    return elsewhere and not any(answer in texts[number] for answer in forbidden)


def _words(text: str) -> list[str]:
    return [word for word in jieba.cut(text) if word.strip()]
