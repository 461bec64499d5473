"""Near misses: questions made unanswerable by putting another name or year in place of one.

"When was the Hangzhou zone founded?", asked of a passage about Hangzhou, becomes "When was the Ningbo zone founded?",
which that passage cannot answer though nearly every word of it fits. Rajpurkar et al. (2018, arXiv:1806.03822) count
such swaps among the ways in which people write unanswerable questions; here they are made from answerable ones.
"""

import re
from collections.abc import Sequence

import numpy as np

from rag.index.lexical import tagged_names
from rag.train.squad import GoldQuestion, Paragraph

_YEAR = re.compile(r"(?<!\d)[12]\d{3}(?=\u5e74)")


def swapped_questions(pairs: Sequence[tuple[Paragraph, GoldQuestion]], random: np.random.Generator) -> list[str | None]:
    """For each question one that its paragraph does not answer; None where it has no name or year to swap.

    A name is swapped for one of the same kind from another question, which neither the paragraph nor its title holds; a
    year for one within ten years of it, likewise.
    """
    found = [tagged_names(question.text) for _, question in pairs]
    supply: dict[str, list[str]] = {}
    for names in found:
        for name, kind in names:
            supply.setdefault(kind, []).append(name)
    return [_swapped(p, q.text, names, supply, random) for (p, q), names in zip(pairs, found, strict=True)]


def _swapped(
    paragraph: Paragraph,
    question: str,
    names: list[tuple[str, str]],
    supply: dict[str, list[str]],
    random: np.random.Generator,
) -> str | None:
    held = f"{paragraph.title}\n{paragraph.text}"
    choices = [(name, kind) for name, kind in names if name in held]
    years = [year for year in _YEAR.findall(question) if year in held]
    if years and (not choices or random.random() < 0.5):
        year = years[int(random.integers(len(years)))]
        others = [str(y) for y in range(int(year) - 10, int(year) + 11) if str(y) not in held]
        return question.replace(year, others[int(random.integers(len(others)))]) if others else None
    if not choices:
        return None
    name, kind = choices[int(random.integers(len(choices)))]
    for _ in range(8):
        other = supply[kind][int(random.integers(len(supply[kind])))]
        if other not in held and other not in question:
            return question.replace(name, other)
    return None
