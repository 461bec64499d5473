"""Hard negatives: passages that a word search finds for a question, and that do not hold its answer.

The search is the lexical half of the product's own retriever, within one question set: sets that share articles in
translation would otherwise offer the right passage, differently worded, as a wrong one.
"""

from collections.abc import Sequence

from rag.fold import fold
from rag.index.lexical import LexicalIndex, plain_terms
from rag.train.squad import Paragraph, QuestionSet

CANDIDATES = 40  # passages looked at for each question
KEPT = 8  # of them kept, best first


def hard_negatives(
    passages: QuestionSet, questions: Sequence[tuple[Paragraph, str, tuple[str, ...]]]
) -> list[list[int]]:
    """For each (own paragraph, question, answers): numbers of other paragraphs, best match first; those of the same
    article too, which are the hardest to tell from the right one."""
    texts = [fold(paragraph.text) for paragraph in passages.paragraphs]
    index = LexicalIndex.build(texts)

    def fits(number: int, own: Paragraph, forbidden: list[str]) -> bool:
        other = passages.paragraphs[number].text != own.text
        return other and not any(answer in texts[number] for answer in forbidden)

    found = [[number for number, _ in index.search(plain_terms(question), CANDIDATES)] for _, question, _ in questions]
    return [
        [number for number in numbers if fits(number, own, [fold(answer) for answer in answers])][:KEPT]
        for numbers, (own, _, answers) in zip(found, questions, strict=True)
    ]
