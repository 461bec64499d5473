"""The app: ask the articles in a browser, from scripts and from tools, and look after the collection."""

from rag.app.collection import Collection
from rag.app.serving import main, serve

__all__ = ["Collection", "main", "serve"]
