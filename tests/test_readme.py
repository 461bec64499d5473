"""The README: its Python runs, its commands exist, and both languages show the same ones."""

import re
import shlex
from pathlib import Path

import pytest

from rag import cli
from rag.evaluate import by_group, read_baseline
from rag.evaluate.report import table

ROOT = Path(__file__).parents[1]
README, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_python_runs() -> None:
    (code,) = blocks(README, "python")
    names: dict[str, object] = {}
    exec(code.replace('"index/"', repr(str(ROOT / "index"))), names)
    assert "18753亿元" in names["answer"].text  # type: ignore[attr-defined]


def test_the_commands_exist() -> None:
    for line in "".join(blocks(README, "console")).splitlines():
        command, *arguments = shlex.split(line.removeprefix("$ "))
        assert command == "rag"
        assert callable(cli.parse(arguments).command)


@pytest.mark.parametrize("language", ["sh", "python", "console"])
def test_both_languages_show_the_same(language: str) -> None:
    def code(text: str) -> list[str]:
        return [re.sub(r"\s*#.*|…+", "", line) for block in blocks(text, language) for line in block.splitlines()]

    assert [line for line in code(CHINESE) if line] == [line for line in code(README) if line]


def test_the_figures_are_those_of_the_baseline() -> None:
    outcomes = read_baseline(ROOT / "tests" / "baseline")
    head, measures, *_ = table(by_group(outcomes), outcomes).split("\n\n")
    assert f"{head}\n\n{measures}\n" in blocks(README, "text")


def test_two_commands_come_first() -> None:
    start, test = blocks(README, "sh")
    assert start.rstrip().endswith(".venv/bin/rag build seeds && .venv/bin/rag serve")
    assert test.rstrip().endswith(
        ".venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/pytest"
    )
