"""Question sets: what is read, what is named as faulty, what is refused."""

import gzip
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import RagError, TrainingDataError
from rag.train.squad import GoldAnswer, read_set, read_sets

WriteSet = Callable[..., Path]


def test_reads_questions_with_answers_that_stand_at_their_offsets(write_set: WriteSet) -> None:
    data = read_set(write_set(last=2))
    assert (data.name, data.question_count, data.articles, data.faults) == ("facts", 6, (0, 1), ())
    paragraph = data.paragraphs[1]
    assert [question.id for question in paragraph.questions] == ["1-year", "1-people", "1-none"]
    (answer,) = paragraph.questions[0].answers
    assert paragraph.text[answer.start : answer.end] == answer.text == "1953年"
    assert paragraph.questions[2].answers == ()


def test_equal_answers_count_once_and_impossible_questions_have_none(tmp_path: Path) -> None:
    answers = [{"text": "乙", "answer_start": 1}, {"text": "乙", "answer_start": 1}, {"text": "甲", "answer_start": 0}]
    entries = [
        {"id": "1", "question": "誰？", "answers": answers},
        {"id": "2", "question": "誰？", "answers": answers, "is_impossible": True},
    ]
    path = tmp_path / "two.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": "甲乙", "qas": entries}]}]}), "utf-8")
    first, second = read_set(path).paragraphs[0].questions
    assert first.answers == (GoldAnswer("乙", 1), GoldAnswer("甲", 0))
    assert second.answers == ()


def test_misplaced_answers_are_counted_and_named(write_set: WriteSet, caplog: pytest.LogCaptureFixture) -> None:
    path = write_set(last=3)
    content = json.loads(path.read_text("utf-8"))
    questions = [article["paragraphs"][0]["qas"] for article in content["data"]]
    questions[0][0]["answers"][0]["answer_start"] += 1
    questions[1][1]["answers"][0]["answer_start"] = -4
    questions[2][0]["answers"][0]["text"] = ""
    path.write_text(json.dumps(content), "utf-8")
    with caplog.at_level(logging.WARNING):
        data = read_set(path)
    assert data.faults == ("0-year", "1-people", "2-year")
    assert data.question_count == 6
    assert "3 answers do not stand at their offsets; questions left out: 0-year, 1-people, 2-year" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[]", "not a question set"),
        (b'{"data": 5}', "not a question set"),
        (b'{"data": [{"paragraphs": [{"qas": []}]}]}', "missing key 'context'"),
        (
            b'{"data": [{"paragraphs": [{"context": "x", "qas": [{"id": 1, "question": "?"}]}]}]}',
            "missing key 'answers'",
        ),
        (b'{"data": []}', "no question in it"),
    ],
)
def test_files_that_are_no_question_sets_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(TrainingDataError, match=message) as caught:
        read_set(path)
    assert isinstance(caught.value, RagError)
    assert str(path) in str(caught.value)
    assert "expected SQuAD JSON" in str(caught.value)


def test_damaged_gzip_is_refused(tmp_path: Path, write_set: WriteSet) -> None:
    path = tmp_path / "cut.json.gz"
    path.write_bytes(gzip.compress(write_set().read_bytes())[:-20])
    with pytest.raises(TrainingDataError, match="cannot be read as JSON"):
        read_set(path)


def test_folders_and_gzip_are_read_in_order_of_name(tmp_path: Path, write_set: WriteSet) -> None:
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "z.json.gz").write_bytes(gzip.compress(write_set(last=1).read_bytes()))
    write_set("a", 1, 2).rename(folder / "a.json")
    (folder / "README.md").write_text("no set")
    assert list(read_sets([folder])) == ["a", "z"]


def test_missing_files_empty_folders_and_equal_names_are_refused(tmp_path: Path, write_set: WriteSet) -> None:
    with pytest.raises(TrainingDataError, match="no such file or folder"):
        read_sets([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingDataError, match=r"no \.json or \.json\.gz file"):
        read_sets([tmp_path / "empty"])
    same = tmp_path / "facts.json.gz"
    same.write_bytes(gzip.compress(write_set().read_bytes()))
    with pytest.raises(TrainingDataError, match="two question sets are named 'facts'"):
        read_sets([same, tmp_path / "facts.json"])
