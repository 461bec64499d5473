"""From files to documents: decode, clean with an alignment, tell articles from the page around them."""

import hashlib
import os
from pathlib import Path

from rag.documents.characters import clean
from rag.documents.decode import decode
from rag.documents.structure import structure
from rag.errors import DocumentError
from rag.types import Article

__all__ = ["SUFFIX", "article_paths", "clean", "parse", "read_article"]

SUFFIX = ".txt"


def article_paths(folder: Path) -> tuple[Path, ...]:
    """The article files in `folder` and below it, in the order of their names; also those that cannot be read.

    Raises:
        DocumentError: there is no such folder, or it holds no article.
    """
    if not folder.is_dir():
        kind = "a file" if folder.exists() else "nothing"
        raise DocumentError(f"{folder} is {kind}: expected a folder of {SUFFIX} files; create it or name another")
    files = [path for path in folder.rglob("*") if path.is_file() or (path.is_symlink() and not path.exists())]
    found = sorted(
        (path for path in files if path.suffix.lower() == SUFFIX),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    if not found:
        raise DocumentError(
            f"{folder} holds no {SUFFIX} file ({len(files)} other files): expected articles as text files; "
            f"put them there or name another folder"
        )
    return tuple(found)


def read_article(path: Path, folder: Path) -> Article:
    """The article in the file `path` below `folder`.

    Raises:
        DocumentError: the file cannot be opened, is empty or is no text, or is a link that leads out of the folder.
    """
    source = path.relative_to(folder).as_posix()
    target = Path(os.path.realpath(path))  # `Path.resolve` fails on links that lead to each other
    if not target.is_relative_to(folder.resolve()):
        raise DocumentError(
            f"{source} is a link to {target}: expected a file in the folder; put a copy there or remove the link"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{source} cannot be read ({error.strerror}): check that it may be opened") from error
    return parse(data, source)


def parse(data: bytes, source: str) -> Article:
    """The article in `data`, the bytes of the file that is called `source`.

    Raises:
        DocumentError: it is empty or no text.
    """
    raw, encoding = decode(data, source)
    documents, removed = structure(raw, source)
    return Article(source, encoding, hashlib.sha256(data).hexdigest(), raw, documents, removed)
