"""What several test files share: the seeds, an index of them, and an engine over it."""

from pathlib import Path

import pytest

import rag
from rag.types import BuildReport

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def seeds() -> Path:
    return ROOT / "seeds"


@pytest.fixture(scope="session")
def seeds_build(seeds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildReport]:
    """An index of the seeds built from scratch, and its report."""
    index = tmp_path_factory.mktemp("seeds") / "index"
    return index, rag.build(seeds, index)


@pytest.fixture(scope="session")
def seeds_index(seeds_build: tuple[Path, BuildReport]) -> Path:
    return seeds_build[0]


@pytest.fixture(scope="session")
def engine(seeds_index: Path) -> rag.Engine:
    return rag.open(seeds_index)
