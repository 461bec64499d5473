"""Every error that Yinju raises on purpose, as one small tree.

Each message says what was received, what was expected and what to do. A question whose answer the articles do not
hold is no error: it is an `Answer` that abstains.
"""


class RagError(Exception):
    """The root of the tree: `except rag.RagError` catches every error below.

    The message is English. One that visitors of the app meet also has a `key` and `values`, with which the app says it
    in their language (see `rag.app.texts`).
    """

    def __init__(self, message: str = "", key: str = "", **values: object) -> None:
        super().__init__(message)
        self.key, self.values = key, values


class QuestionError(RagError, ValueError):
    """A call that cannot be a question: empty, too long, or no text."""


class DocumentError(RagError):
    """An article, or a folder of articles, that cannot be read."""


class EncoderError(RagError):
    """An encoder that cannot be had or does not fit the index."""


class SnapshotError(RagError):
    """An index that is missing, damaged, of another version or cannot be written."""


class EvaluationError(RagError):
    """A question set that cannot be read."""


class ReaderError(RagError):
    """A reader's weights that are missing, damaged, or of another format."""


class TrainingError(RagError):
    """A training that cannot be begun or resumed with these settings."""


class TrainingDataError(TrainingError):
    """A training or development file that is no question set, or holds nothing to train on."""


class BusyError(RagError):
    """A question that found no place because too many others were there."""


class TimeLimitError(RagError):
    """A question that was not answered in the time it had."""
