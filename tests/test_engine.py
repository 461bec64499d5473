"""The public calls, over the real index of the seeds."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rag
from rag.documents import clean
from rag.evaluate import read_questions

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def answers(engine: rag.Engine) -> dict[str, rag.Answer]:
    """The answer to every question of the question set, none held back."""
    questions = read_questions(ROOT / "eval_questions.jsonl")
    return {question.question: engine.answer(question.question, min_confidence=0) for question in questions}


def test_the_cleaned_form_of_the_raw_range_is_the_quote(answers: dict[str, rag.Answer], seeds: Path) -> None:
    raw = {path.name: path.read_bytes().decode("utf-8") for path in seeds.iterdir()}
    checked = 0
    for answer in answers.values():
        for citation in (*answer.citations, *(c for other in answer.alternatives for c in other.citations)):
            assert clean(raw[citation.source][citation.start : citation.end]) == citation.quote
            assert citation.passage[citation.quote_start : citation.quote_end] == citation.quote
            checked += 1
        assert answer.text == answer.citations[0].quote
    assert checked >= 5 * len(answers)


def test_answers_in_the_words_of_the_article(engine: rag.Engine) -> None:
    answer = engine.answer("2022年杭州的生产总值是多少？")
    assert answer.answered
    assert "18753亿元" in answer.text
    citation = answer.citations[0]
    assert (citation.source, citation.title) == ("001_8e6b4b469e2de1b1.txt", "冲刺2万亿!杭州放大招!")
    assert (citation.date, citation.paragraph) == ("2024-09-26", 3)
    assert citation.passage.startswith("2022年,杭州实现生产总值18753亿元")


def test_the_same_json_in_two_processes(seeds_index: Path) -> None:
    code = (
        "import json, sys, rag; engine = rag.open(sys.argv[1]); "
        "print(json.dumps([engine.answer(q).to_dict() for q in sys.argv[2:]], ensure_ascii=False))"
    )
    questions = ["滨江区委书记是谁?", "錢塘區有多少所高校", "How many universities are there in Qiantang?"]
    printed = [
        subprocess.run(
            [sys.executable, "-c", code, seeds_index, *questions],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "HOME": str(Path.home())},
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert len(json.loads(printed[0])) == 3


def test_threads_share_an_engine(engine: rag.Engine, answers: dict[str, rag.Answer]) -> None:
    questions = [*answers][::4]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda question: engine.answer(question, min_confidence=0), questions))
    assert together == [answers[question] for question in questions]


def test_min_confidence_decides(engine: rag.Engine) -> None:
    question = "2022年杭州的生产总值是多少？"
    confidence = engine.answer(question).confidence
    assert engine.answer(question, min_confidence=confidence).answered
    held_back = engine.answer(question, min_confidence=1)
    assert (held_back.reason, held_back.confidence, held_back.text) == ("low_confidence", confidence, "")
    assert held_back.citations == held_back.alternatives == ()
    assert held_back.closest == tuple(candidate.passage for candidate in engine.search(question, 3))


def test_passages_are_read_under_their_titles(tmp_path: Path) -> None:
    articles, text = tmp_path / "articles", "全区有常住人口79.3万人，比上年增加两万人。\n"
    articles.mkdir()
    for place in ("钱塘区", "临安区"):
        (articles / f"{place}.txt").write_text(f"{place}人口公报\n\n{text}", "utf-8")
    rag.build(articles, tmp_path / "index")
    trace = rag.open(tmp_path / "index").trace("临安区有多少常住人口？")
    holds = {c.passage.title: s.holds for c, s in zip(trace.candidates, trace.signals, strict=True)}
    assert holds["临安区人口公报"] > holds["钱塘区人口公报"] + 1


def test_top_k_passages_are_read(engine: rag.Engine) -> None:
    answer = engine.answer("杭州", top_k=2, min_confidence=0)
    assert len(answer.citations) + sum(len(other.citations) for other in answer.alternatives) == 2


@pytest.mark.parametrize("question", ["?", "。。。", "!!! ???", "\x00\x01", "……", "😀"])
def test_a_question_without_words_is_abstained_from(engine: rag.Engine, question: str) -> None:
    answer = engine.answer(question)
    assert (answer.answered, answer.reason, answer.confidence) == (False, "no_candidates", 0.0)
    assert answer.alternatives == ()


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("", "the question is empty: ask something"),
        (" \n\t　", "the question is empty"),
        ("问" * 100_000, "the question has 100000 characters: expected at most 1000; shorten it"),
        (None, "the question is of type NoneType: expected text"),
        (b"bytes", "the question is of type bytes: expected text"),
    ],
)
def test_what_is_no_question(engine: rag.Engine, question: str, message: str) -> None:
    for call in (engine.answer, engine.search, rag.answer, lambda asked: rag.read(asked, ["文"])):
        with pytest.raises(rag.QuestionError, match=message):
            call(question)


def test_control_characters_and_lone_surrogates_do_not_matter(engine: rag.Engine) -> None:
    plain = engine.answer("钱塘区有多少所高校?")
    odd = engine.answer("\x07钱塘区有多少所高校?\ud83d\x00")
    assert (odd.text, odd.citations) == (plain.text, plain.citations)
    json.dumps(odd.to_dict(), ensure_ascii=False).encode("utf-8")


def test_a_question_of_the_greatest_length(engine: rag.Engine) -> None:
    assert len(engine.search("杭州" * 500)) == 10


def test_a_wrong_call(engine: rag.Engine) -> None:
    with pytest.raises(rag.QuestionError, match="0 passages were asked for: expected a number from 1 up"):
        engine.search("杭州", k=0)
    with pytest.raises(rag.QuestionError, match="0 passages were asked for"):
        engine.answer("杭州", top_k=0)
    for confidence in (-0.1, 1.1, float("nan")):
        with pytest.raises(rag.QuestionError, match="expected a probability from 0 to 1"):
            engine.answer("杭州", min_confidence=confidence)


def test_a_changed_raw_text_is_noticed(seeds_index: Path, tmp_path: Path) -> None:
    import sqlite3

    index = tmp_path / "index"
    shutil.copytree(seeds_index, index)
    (store,) = index.glob("snapshots/*/passages.sqlite")
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE article SET raw = replace(raw, '18753', '19999')")
    connection.close()
    with pytest.raises(rag.SnapshotError, match="the index is damaged; build it again"):
        rag.open(index).answer("2022年杭州的生产总值是多少？")


def test_the_errors_are_one_tree() -> None:
    errors = [getattr(rag, name) for name in rag.__all__ if name.endswith("Error")]
    assert len(errors) == 6
    assert all(issubclass(error, rag.RagError) for error in errors)


def test_the_default_index_follows_its_articles_and_outlives_them(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rag", tmp_path / "rag")
    (tmp_path / "seeds").mkdir()
    article = tmp_path / "seeds" / "a.txt"
    article.write_text("钱塘区的高校\n\n钱塘区有14所高校。\n", encoding="utf-8")
    code = "import rag; print(rag.__file__, rag.answer('钱塘区有多少所高校?').text)"

    def ask() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)},
        )  # fmt: skip

    assert ask().stdout.startswith(f"{tmp_path}/rag/__init__.py 14")
    article.write_text("钱塘区的高校\n\n钱塘区有15所高校。\n", encoding="utf-8")
    assert " 15" in ask().stdout
    article.rename(tmp_path / "seeds" / "a.md")
    gone = ask()
    assert " 15" in gone.stdout
    assert "the index could not be built again and is used as it is" in gone.stderr


def test_the_default_index_stays_rolled_back_and_is_not_built_in_place_of_lost_snapshots(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rag", tmp_path / "rag")
    (tmp_path / "seeds").mkdir()

    def call(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "rag", *arguments],
            capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    for number in (14, 15):
        text = f"钱塘区的高校\n\n钱塘区有{number}所高校。\n"
        (tmp_path / "seeds" / "a.txt").write_text(text, encoding="utf-8")
        assert call("ask", "钱塘区有多少所高校?")[1].startswith(str(number))
    status, shown = call("rollback")
    assert status == 0
    first = shown.split()[-2]
    assert call("ask", "钱塘区有多少所高校?")[1].startswith("14")
    (tmp_path / "index" / "current.json").unlink()
    status, shown = call("ask", "钱塘区有多少所高校?")
    assert status == 2
    assert "current.json is missing; go back to a snapshot with `rag rollback NAME --index DIR` (" in shown
    assert "Traceback" not in shown
    assert call("rollback", first)[0] == 0
    assert call("ask", "钱塘区有多少所高校?")[1].startswith("14")
    assert call("build", "seeds")[0] == 0
    assert call("ask", "钱塘区有多少所高校?")[1].startswith("15")
