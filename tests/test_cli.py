"""The command line, as a user calls it: what it prints, and its exit status."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rag
from rag import cli
from rag.evaluate import judge, read_questions

ROOT = Path(__file__).parents[1]


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit:
        cli.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert isinstance(exit.value.code, int)
    return exit.value.code, printed.out, printed.err


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.txt").write_text(
        "钱塘区的高校\n\n钱塘区有14所高校。常住人口79.3万。\n", encoding="utf-8"
    )
    return tmp_path / "articles"


def test_build_and_ask(capsys: pytest.CaptureFixture[str], articles: Path, tmp_path: Path) -> None:
    status, out, err = call(capsys, "build", articles, "--index", tmp_path / "index")
    assert (status, err) == (0, "")
    assert out.startswith(f"1 passages of 1 documents in 1 files, 1 newly encoded, in {tmp_path / 'index'} (")
    status, out, _ = call(capsys, "ask", "钱塘区有几所高校?", "--index", tmp_path / "index")
    assert status == 0
    answer = rag.open(tmp_path / "index").answer("钱塘区有几所高校?")
    (citation,) = answer.citations
    assert answer.text.startswith("14")
    assert out.splitlines() == [
        f"{answer.text}    ({answer.confidence:.0%})",
        f"    钱塘区有【{answer.text}】{'钱塘区有14所高校。常住人口79.3万。'[4 + len(answer.text) :]}",
        f"    —— 钱塘区的高校 · a.txt [12:{12 + len(answer.text)}]",
    ]
    assert (citation.start, citation.end) == (12, 12 + len(answer.text))


def test_json_is_the_answer(capsys: pytest.CaptureFixture[str], seeds_index: Path, engine: rag.Engine) -> None:
    question = "2022年杭州的生产总值是多少？"
    status, out, _ = call(capsys, "ask", question, "--index", seeds_index, "--json")
    assert status == 0
    assert json.loads(out) == engine.answer(question).to_dict()


def test_an_abstention_has_status_1(capsys: pytest.CaptureFixture[str], seeds_index: Path) -> None:
    status, out, _ = call(capsys, "ask", "???", "--index", seeds_index)
    assert (status, out) == (1, "Not in these articles: no passage fits the question.\n")


def test_an_error_has_status_2(capsys: pytest.CaptureFixture[str], tmp_path: Path, seeds_index: Path) -> None:
    assert call(capsys, "ask", "", "--index", seeds_index) == (2, "", "rag: the question is empty: ask something\n")
    status, out, err = call(capsys, "ask", "杭州", "--index", tmp_path / "none")
    assert (status, out) == (2, "")
    assert err == f"rag: {tmp_path}/none holds no index: build one with `rag build ARTICLES --index {tmp_path}/none`\n"
    status, _, err = call(capsys, "build", tmp_path / "gone", "--index", tmp_path / "index")
    assert status == 2
    assert err.startswith(f"rag: {tmp_path}/gone is nothing: expected a folder of .txt files")
    status, _, err = call(capsys, "evaluate", tmp_path / "gone.jsonl", "--index", seeds_index)
    assert (status, err[:5]) == (2, "rag: ")


def test_a_file_left_out_has_status_1(capsys: pytest.CaptureFixture[str], articles: Path, tmp_path: Path) -> None:
    (articles / "b.txt").write_bytes(bytes(range(256)) * 4)
    status, out, err = call(capsys, "build", articles, "--index", tmp_path / "index")
    assert status == 1
    assert "in 1 files" in out
    assert err.splitlines()[0].startswith("b.txt is no text: expected UTF-8")
    assert err.splitlines()[1] == "1 files were left out, see above"


def test_evaluate(capsys: pytest.CaptureFixture[str], seeds_index: Path, tmp_path: Path) -> None:
    lines = (ROOT / "eval_questions.jsonl").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if '"001-gdp-2022"' in line)
    asked = json.loads(line) | {"question": "2022年杭州的生产总值是多少？"}
    (tmp_path / "some.jsonl").write_text(json.dumps(asked), encoding="utf-8")
    status, out, _ = call(capsys, "evaluate", tmp_path / "some.jsonl", "--index", seeds_index)
    assert status == 0
    assert out.splitlines()[0] == "1 questions, each measure with its 95 % interval"
    assert "\nrecall_at_1          1.000 [1.00, 1.00]  Answerable: the answer stands in the first passage" in out
    assert "\nnumber                 1  1.000 [1.00, 1.00]" in out
    assert "confidence_auroc" not in out  # it takes right and wrong ones
    wrong = asked | {"id": "wrong-1", "answers": [], "kind": "unanswerable"}
    (tmp_path / "review.jsonl").write_text("\n".join(map(json.dumps, (asked, wrong))), encoding="utf-8")
    left_out = call(capsys, "evaluate", tmp_path / "review.jsonl", "--index", seeds_index)
    assert left_out == (0, out, "1 lines that only say that an answer is wrong are left out\n")
    status, out, _ = call(
        capsys, "evaluate", tmp_path / "some.jsonl", "--index", seeds_index, "--json", "--plot", tmp_path / "plot.png"
    )
    report = json.loads(out)
    assert report["measures"]["all"]["right_passage"] == 1.0
    assert report["intervals"]["all"]["right_passage"] == [1.0, 1.0]
    assert report["measures"]["all"]["confidence_auroc"] is report["intervals"]["all"]["confidence_auroc"] is None
    assert [shown["id"] for shown in report["outcomes"]] == ["001-gdp-2022"]
    assert "check" not in report
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_explain(capsys: pytest.CaptureFixture[str], seeds_index: Path, engine: rag.Engine) -> None:
    status, out, _ = call(capsys, "evaluate", "--index", seeds_index, "--explain", "001-gdp-2022")
    assert status == 0
    trace = engine.trace("２０２２年杭州全市生产总值做到了多少？")
    lines = out.splitlines()
    assert lines[:3] == [
        "001-gdp-2022 (number, zh-Hans): ２０２２年杭州全市生产总值做到了多少？",
        "expected: 18753亿元 | 18753亿",
        "    001_8e6b4b469e2de1b1.txt: 2022年,杭州实现生产总值18753亿元,增长1.5%,经济总量位居全国第9位,"
        "距“2万亿俱乐部”仅一步之遥。",
    ]
    terms = engine.index.bridge.terms(trace.question)
    weights = engine.index.lexical.weights(terms)
    first = lines.index("words and their BM25 weight, 0 where no passage holds one:") + 1
    assert lines[first : first + len(terms)] == [f"    {weights[term.word]:5.2f}  {term.word}" for term in terms]
    for number, (candidate, span) in enumerate(zip(trace.candidates, trace.spans, strict=True), start=1):
        assert any(line.startswith(f"{number:>3}. {candidate.passage.id}") for line in lines)
        assert any(f"dense_rank {candidate.dense_rank or '-'}, " in line for line in lines)
        assert any(line.endswith(f": {span.text}") and f" span [{span.start}:{span.end}]" in line for line in lines)
    for signals in trace.signals:
        shown = ", ".join(f"{name} {value:.2f}" for name, value in signals.to_dict().items())
        assert f"     signals {shown}" in lines
    confidence = trace.answer.confidence
    sign, done = ("reaches", "answered") if trace.answer.answered else ("is below", "abstained")
    assert lines[-2].startswith(f"decision: the confidence {confidence:.3f} {sign} {trace.min_confidence}: {done}, ")
    (question,) = (each for each in read_questions(ROOT / "eval_questions.jsonl") if each.id == "001-gdp-2022")
    loss = judge(engine, question, trace).loss
    assert lines[-1] == f"verdict: {loss.replace('_', ' ') if loss else 'right'}"
    status, out, _ = call(capsys, "evaluate", "--index", seeds_index, "--explain", "none-shanghai-gdp")
    assert "expected: no answer" in out.splitlines()
    status, out, _ = call(capsys, "evaluate", "--index", seeds_index, "--explain", "002-xl-universities")
    assert re.search(r"^    [ \d]\d\.\d\d  universities \(.*\b大学\b.*\)$", out, re.MULTILINE)
    assert call(capsys, "evaluate", "--index", seeds_index, "--explain", "no-such") == (
        2,
        "",
        "rag: there is no question 'no-such': expected one of the ids of the question set\n",
    )


def test_doctor(capsys: pytest.CaptureFixture[str], seeds_index: Path, tmp_path: Path) -> None:
    status, out, _ = call(capsys, "doctor", "--index", seeds_index)
    assert status == 0
    assert out.splitlines()[0].startswith(f"     ok  yinju {rag.__version__}, Python 3.")
    assert "164 passages, 5 files" in out
    status, out, _ = call(capsys, "doctor", "--index", seeds_index, "--offline")
    assert out.splitlines()[-1] == "     ok  a question is answered with every connection refused"
    assert status == 0
    damaged = tmp_path / "index"
    shutil.copytree(seeds_index, damaged)
    (store,) = damaged.glob("snapshots/*/passages.sqlite")
    data = bytearray(store.read_bytes())
    data[-1] ^= 1
    store.write_bytes(data)
    status, out, _ = call(capsys, "doctor", "--index", damaged)
    assert status == 2
    assert f"  fault  {store.parent} is damaged (passages.sqlite): build the index again" in out


def test_snapshots_and_rollback(capsys: pytest.CaptureFixture[str], articles: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    first = rag.build(articles, index).snapshot
    (articles / "b.txt").write_text("滨江区的企业\n\n滨江区培育上市企业65家。\n", encoding="utf-8")
    second = rag.build(articles, index).snapshot
    day = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    status, out, _ = call(capsys, "snapshots", "--index", index)
    assert status == 0
    assert re.fullmatch(rf"\* {second}  {day}  2 passages  2 files  .* MB\n  {first}  {day}  1 passages  .* MB\n", out)
    (index / "snapshots" / first / "manifest.json").write_text("{")
    status, out, _ = call(capsys, "snapshots", "--index", index)
    assert status == 0
    assert re.fullmatch(rf"\* {second}  {day}  2 passages  2 files  .* MB\n  {first}  {day}  damaged\n", out)
    for command in ("snapshots", "rollback", "doctor"):
        status, out, err = call(capsys, command, "--index", tmp_path / "typo")
        assert status == 2
        assert f"{tmp_path}/typo holds no index: build one with `rag build ARTICLES --index" in out + err
    assert not (tmp_path / "typo").exists()


def test_the_command_is_the_module() -> None:
    for command in (["rag"], [sys.executable, "-m", "rag"]):
        path = Path(sys.executable).parent / command[0]
        done = subprocess.run([path, *command[1:], "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"yinju {rag.__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capsys, "--help")
    assert status == 0
    for command in ("build", "ask", "evaluate", "bench", "train", "snapshots", "rollback", "doctor", "serve"):
        assert f"\n    {command} " in out


def test_serve_hands_its_options_to_the_app() -> None:
    assert cli.parse(["serve", "--port", "8000", "--help"]).rest == ["--port", "8000", "--help"]
    done = subprocess.run([sys.executable, "-m", "rag", "serve", "--help"], capture_output=True, text=True, check=True)
    assert "--port" in done.stdout
    assert "--index" in done.stdout


def test_only_serve_takes_other_options(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = call(capsys, "ask", "?", "--port", 8000)
    assert status == 2
    assert "unrecognized arguments: --port 8000" in err


def test_a_terminal_without_chinese(seeds_index: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rag", "ask", "钱塘区有多少所高校?", "--index", seeds_index],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout.startswith(b"14\\u6240")


def test_output_that_cannot_be_written(seeds_index: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rag", "ask", "高校?", "--index", seeds_index],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "rag: No space left on device\n")


def test_train_has_options_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = call(capsys, "train", "--help")
    assert status == 0
    assert "--time-budget" in out
    (tmp_path / "no.json").write_text("{}")
    status, _, err = call(capsys, "train", "--data", tmp_path / "no.json", "--out", tmp_path / "out", "--passes", 1)
    assert status == 2
    assert "no.json" in err
