"""From files to documents: decode, clean with an alignment, tell articles from the page around them."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from rag.documents.characters import clean
from rag.documents.decode import decode
from rag.documents.structure import structure
from rag.errors import DocumentError
from rag.types import Article

__all__ = [
    "CURRENT",
    "LOCK",
    "REMOVED",
    "SNAPSHOTS",
    "SUFFIX",
    "article_paths",
    "clean",
    "parse",
    "plain_source",
    "read_article",
    "read_bytes",
    "source_of",
]

SUFFIX = ".txt"
CURRENT, SNAPSHOTS, LOCK = "current.json", "snapshots", "build.lock"  # by two of them an index folder is told
REMOVED = "removed"  # where the app keeps, in an index folder, the articles it removed


def article_paths(folder: Path, follow_symlinks: bool = False) -> tuple[Path, ...]:
    """The article files in `folder` and below it, in the order of their names; also files and folders that cannot be
    read, and links to folders outside, unless `follow_symlinks`. What an index folder holds is not among them.

    Raises:
        DocumentError: there is no such folder, or it holds no article.
    """
    if not folder.is_dir():
        kind = "a file" if folder.exists() else "nothing"
        raise DocumentError(f"{folder} is {kind}: expected a folder of {SUFFIX} files; create it or name another")
    files = list(_files(folder, follow_symlinks))
    found = sorted((path for path in files if path.suffix.lower() == SUFFIX or path.is_dir()), key=Path.as_posix)
    if not found:
        raise DocumentError(
            f"{folder} holds no {SUFFIX} file ({len(files)} other files): expected articles as text files; "
            f"put them there or name another folder"
        )
    return tuple(found)


def _files(folder: Path, follow_symlinks: bool) -> Iterator[Path]:
    """The files in `folder` and below it, dangling links included, the folders that cannot be read, and the links to
    folders that are not followed because they lead out; one that leads back inside is passed over, as its files are
    found without it. An index folder is passed over too: articles that the app removed are kept there. Where `folder`
    is one itself, only these are."""
    seen = {os.path.realpath(folder)}
    unread: list[Path] = []

    def pass_over(error: OSError) -> None:
        if error.filename is None:  # reading it began and failed
            raise DocumentError(f"{folder} cannot be read ({error.strerror}): check its disk") from error
        if not isinstance(error, FileNotFoundError):  # removed meanwhile
            unread.append(Path(error.filename))

    for root, folders, files in os.walk(folder, followlinks=True, onerror=pass_over):
        if len({CURRENT, SNAPSHOTS, LOCK} & {*folders, *files}) > 1:
            if Path(root) != folder:
                folders.clear()
                continue
            folders[:] = [name for name in folders if name != REMOVED]
        yield from (path for name in files if (path := Path(root, name)).is_file() or path.is_symlink())
        entered = []
        for path in (Path(root, name) for name in folders):
            target = os.path.realpath(path)
            if path.is_symlink() and not follow_symlinks and _leads_out(path, folder):
                yield path
            elif not path.is_symlink() or (follow_symlinks and _leads_out(path, folder) and target not in seen):
                seen.add(target)
                entered.append(path.name)
        folders[:] = entered
    yield from unread


def source_of(path: Path, folder: Path) -> str:
    """The path of an article below its folder; bytes of its name that are no text are escaped."""
    return path.relative_to(folder).as_posix().encode(errors="backslashreplace").decode()


def plain_source(path: Path, folder: Path) -> str:
    """The path of an article below its folder.

    Raises:
        DocumentError: it is no valid text.
    """
    source = source_of(path, folder)
    if source != path.relative_to(folder).as_posix():
        raise DocumentError(f"the file name '{source}' is no valid text: rename it")
    return source


def _leads_out(path: Path, folder: Path) -> bool:
    """Whether `path`, below `folder`, is by a link something outside it."""
    # `Path.resolve` fails on links that lead to each other.
    inside = os.path.realpath(folder)
    return os.path.commonpath([inside, os.path.realpath(path)]) != inside


def read_bytes(path: Path, folder: Path, follow_symlinks: bool = False) -> bytes:
    """What the file `path` below `folder` holds.

    Raises:
        DocumentError: it cannot be opened, or is a link that leads out of the folder, and such links are not to be
            followed.
    """
    source = source_of(path, folder)
    if not follow_symlinks and _leads_out(path, folder):
        raise DocumentError(
            f"{source} is a link to {os.path.realpath(path)}: expected a file in the folder; put a copy there, remove "
            f"the link, or follow such links with `--follow-symlinks`"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{source} cannot be read ({error.strerror}): check that it may be opened") from error


def read_article(path: Path, folder: Path, follow_symlinks: bool = False) -> Article:
    """The article in the file `path` below `folder`.

    Raises:
        DocumentError: it cannot be read, see `read_bytes`, is empty or is no text, or its name is none.
    """
    return parse(read_bytes(path, folder, follow_symlinks), plain_source(path, folder))


def parse(data: bytes, source: str) -> Article:
    """The article in `data`, the bytes of the file that is called `source`.

    Raises:
        DocumentError: it is empty or no text.
    """
    raw, encoding = decode(data, source)
    documents, removed = structure(raw, source)
    return Article(source, encoding, hashlib.sha256(data).hexdigest(), raw, documents, removed)
