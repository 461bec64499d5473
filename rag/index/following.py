"""Following a folder of articles: one sync a burst of changes."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import watch

from rag.documents import article_paths
from rag.errors import DocumentError
from rag.index.before import found_articles
from rag.types import BuildReport

log = logging.getLogger(__name__)

_LOOK_UP = 500  # milliseconds after which the watch also ends a wait without changes


def follow(
    articles: Path, build: Callable[[], BuildReport], follow_symlinks: bool, stop: threading.Event | None = None
) -> Iterator[BuildReport]:
    """Builds now and after each burst of changes in `articles`, until `stop` is set; yields each report.

    A burst ends when nothing changed for 50 ms, or after 1.6 s. While the folder holds nothing to build, what was built
    before stays.

    Raises:
        DocumentError: there is no such folder, or it was removed.
        RagError: a build failed for another reason.
    """
    article_paths(articles, follow_symlinks)
    built: dict[str, str] | None = None
    # The first wait ends without changes; by then the folder is watched, so nothing after that build is missed.
    waits = watch(
        articles,
        watch_filter=None,
        stop_event=stop,
        rust_timeout=_LOOK_UP,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for changes in waits:
        if built is not None and not changes:
            continue
        try:
            found = found_articles(articles, follow_symlinks)
            if found != built:
                yield build()
            built = found
        except DocumentError as error:
            if not articles.is_dir():
                raise
            log.warning("what was built before stays: %s", error)
            built = {}
