"""The paragraphs of question sets as one collection: one file each, with the title of its article."""

from collections.abc import Iterable
from pathlib import Path

from rag import engine as engines
from rag.engine import Engine
from rag.errors import TrainingDataError
from rag.train.squad import Paragraph


def sources(paragraphs: Iterable[Paragraph]) -> dict[str, str]:
    """The file of each paragraph, by its text; one that stands in several sets has one file."""
    texts = dict.fromkeys(paragraph.text for paragraph in paragraphs)
    return {text: f"{number:05}.txt" for number, text in enumerate(texts)}


def open_collection(paragraphs: Iterable[Paragraph], folder: Path) -> Engine:
    """An engine over the paragraphs, whose articles and index are kept in `folder`.

    Raises:
        TrainingDataError: `folder` holds other articles.
    """
    by_text = {paragraph.text: paragraph for paragraph in paragraphs}
    files = sources(by_text.values())
    articles = folder / "articles"
    articles.mkdir(parents=True, exist_ok=True)
    if left := sorted({path.name for path in articles.iterdir()} - set(files.values())):
        raise TrainingDataError(f"{articles} holds {left[0]}, which is of another collection: name another --index")
    for text, source in files.items():
        title = by_text[text].title
        (articles / source).write_text(f"{title}\n\n{text}" if title else text, encoding="utf-8")
    engines.build(articles, folder / "index")
    return engines.open(folder / "index")
