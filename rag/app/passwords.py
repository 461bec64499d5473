"""Passwords: a file of names with salted hashes, and the check of a password against it.

    python -m rag.app.passwords NAME >> people.txt

asks for a password and prints the line of NAME for the file.
"""

import base64
import getpass
import hashlib
import hmac
import os
import sys
from pathlib import Path

from rag.errors import RagError

# scrypt with these takes 32 MiB and about 0.1 s on one core. The "Password Storage Cheat Sheet" of OWASP has N=2^15,
# r=8, p=3 among its settings of equal strength.
_N, _R, _P = 2**15, 8, 3
_MEMORY = 128 * _N * _R * 2  # bytes that OpenSSL may take


def hash_password(name: str, password: str, salt: bytes | None = None) -> str:
    """The line of the file for a person: `name:salt:hash`, both in base64.

    Raises:
        RagError: the name is empty or holds a colon or white space, or the password is empty.
    """
    if not name or ":" in name or any(c.isspace() for c in name):
        raise RagError(f"the name is {name!r}: expected one without colons and white space")
    if not password:
        raise RagError("the password is empty: expected one")
    salt = salt or os.urandom(16)
    return ":".join((name, *(base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt)))))


class Passwords:
    """The people of a password file. Threads may share it.

    Raises:
        RagError: the file cannot be read, has nobody in it, or a line is not as `hash_password` writes it.
    """

    def __init__(self, path: Path) -> None:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RagError(f"{path} cannot be read ({error}): expected a file of names and hashes in UTF-8") from error
        self._people = dict(_parse(line, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip())
        if not self._people:
            raise RagError(f"{path} has nobody in it: add a line with `python -m rag.app.passwords NAME`")
        self._secret = os.urandom(32)
        self._known: set[bytes] = set()  # of name and password that were right, keyed, so that they hash once

    def knows(self, name: str, password: str) -> bool:
        """Whether `match` has found it right before; takes no time worth mentioning."""
        return self._tag(name, password) in self._known

    def match(self, name: str, password: str) -> bool:
        """Whether it is the person's password. An unknown name takes as long as a wrong password."""
        salt, expected = self._people.get(name, (b"nobody", b""))
        right = hmac.compare_digest(_scrypt(password, salt), expected)
        if right:
            self._known.add(self._tag(name, password))
        return right

    def _tag(self, name: str, password: str) -> bytes:
        return hmac.digest(self._secret, f"{name}:{password}".encode("utf-8", "surrogatepass"), "sha256")


def _scrypt(password: str, salt: bytes) -> bytes:
    data = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY, dklen=32)


def _parse(line: str, place: str) -> tuple[str, tuple[bytes, bytes]]:
    try:
        name, salt, digest = line.strip().split(":")
        return name, (base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True))
    except ValueError as error:
        raise RagError(f"{place} is no `name:salt:hash`: write it with `python -m rag.app.passwords NAME`") from error


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m rag.app.passwords NAME")
    try:
        sys.stdout.write(hash_password(sys.argv[1], getpass.getpass()) + "\n")
    except RagError as error:
        sys.exit(f"passwords: {error}")
