"""Chinese in its other script, character for character, so that answer offsets keep their place."""

from enum import IntEnum

from rag.fold import simplify, to_traditional


class Script(IntEnum):
    """How a text is put before the reader."""

    AS_WRITTEN = 0
    TRADITIONAL = 1
    SIMPLIFIED = 2


def in_script(text: str, script: Script) -> str:
    """The text in another script, of the same length."""
    if script is Script.AS_WRITTEN:
        return text
    return to_traditional(text) if script is Script.TRADITIONAL else simplify(text)
