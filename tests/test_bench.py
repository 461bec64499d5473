"""The open-domain benchmark, on a small collection of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from rag.bench.open_domain import OpenResult, bench_open
from rag.errors import TrainingDataError
from rag.train.squad import read_set

HARBOURS = "宁波的港口有一百多个泊位。码头工人每天装卸三千个集装箱。"
GATES = "洛阳的城墙有十四座城门。最老的城门建于隋朝。"
TEA = "绍兴的茶园在山坡上。茶农在清明以前采茶。"


def write(path: Path, *paragraphs: tuple[str, str, list[tuple[str, str]]]) -> Path:
    """A question set of (title, paragraph, questions with their answers)."""
    data: list[dict[str, Any]] = []
    for title, text, questions in paragraphs:
        entries = [
            {"id": f"{path.stem}-{asked}", "question": asked, "answers": [{"text": a, "answer_start": text.index(a)}]}
            for asked, a in questions
        ]
        data.append({"title": title, "paragraphs": [{"context": text, "qas": entries}]})
    path.write_text(json.dumps({"data": data}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> OpenResult:
    folder = tmp_path_factory.mktemp("bench")
    asked = write(
        folder / "cities.json",
        (
            "宁波港",
            HARBOURS,
            [("码头工人每天装卸多少个集装箱?", "三千个"), ("How many berths has Ningbo?", "一百多个")],
        ),
        ("古都", GATES, [("洛阳的城墙有多少座城门?", "十四座")]),
    )
    other = write(folder / "tea.json", ("茶", TEA, [("茶农什么时候采茶?", "清明以前")]))
    (found,) = bench_open([read_set(asked)], [read_set(other)], folder / "kept")
    return found


def test_counts(result: OpenResult) -> None:
    assert (result.name, result.questions, result.passages, result.not_indexed) == ("cities", 3, 3, 0)


def test_every_way_to_search_with_and_without_titles(result: OpenResult) -> None:
    found = {way.way: (way.recall_at_1, way.recall_at_5, way.recall_at_20) for way in result.retrieval}
    ways = ("passage vectors", "sentence vectors", "words", "words, bridged", "all fused")
    assert [*found] == [f"{way}, {titles}" for titles in ("with titles", "without titles") for way in ways]
    # The words of the English question are in no passage; its name and its number word are.
    assert found["words, without titles"] == (2 / 3, 2 / 3, 2 / 3)
    assert found["words, bridged, without titles"] == (1, 1, 1)
    assert found["all fused, with titles"] == (1, 1, 1)


def test_an_answer_is_at_best_what_the_right_paragraph_gives(result: OpenResult) -> None:
    for value in (result.exact_match, result.f1, result.gold_exact_match, result.gold_f1):
        assert 0 <= value <= 1
    assert result.gold_f1 > 0.5
    assert (result.exact_match, result.f1) == (result.gold_exact_match, result.gold_f1)


def test_an_empty_question_is_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "cities.json", ("古都", GATES, [(" ", "十四座"), ("洛阳的城墙有多少座城门?", "十四座")]))
    (found,) = bench_open([read_set(path)], [], tmp_path / "kept")
    assert found.questions == 1
    assert caplog.messages == ["cities: left out, as the question is empty: cities- "]


def test_a_folder_of_another_collection(tmp_path: Path) -> None:
    path = write(tmp_path / "one.json", ("茶", TEA, [("茶农什么时候采茶?", "清明以前")]))
    (tmp_path / "kept" / "articles").mkdir(parents=True)
    (tmp_path / "kept" / "articles" / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(TrainingDataError, match=r"holds mine\.txt, which is of another collection"):
        bench_open([read_set(path)], [], tmp_path / "kept")
