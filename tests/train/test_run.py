"""The whole way: from files and arguments to weights that read, and what a bad weights file meets."""

import argparse
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rag.errors import TrainingDataError, TrainingError
from rag.reader.choice import NO_SPAN
from rag.reader.span import SpanReader
from rag.reader.tokens import WindowSizes
from rag.reader.weights import ReaderError, ReaderWeights, load_weights, save_weights
from rag.train.backbone import Backbone
from rag.train.curves import draw_curves
from rag.train.evaluation import development_sets, predict
from rag.train.export import import_model
from rag.train.model import ReaderModel
from rag.train.run import add_arguments, first_model, run
from rag.train.settings import Settings
from rag.train.squad import read_set
from rag.types import EncodedQuestion, Span

WriteSet = Callable[..., Path]


def question(text: str) -> EncodedQuestion:
    """A question whose states the reader must compute."""
    return EncodedQuestion(text, np.zeros(0, np.float32), None)


def train(encoder: Path, data: Path, dev: Path | None, out: Path, *more: str) -> list[object]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = ["--data", str(data), "--out", str(out), "--encoder", str(encoder), "--device", "cpu", *more]
    given += ["--dev", str(dev)] if dev else []
    return list(run(parser.parse_args(given)))


SMALL = ("--split", "2", "--window", "24", "--stride", "12", "--batch-tokens", "240", "--learning-rate", "1e-3")


@pytest.fixture
def trained(encoder_folder: Path, write_set: WriteSet, tmp_path: Path) -> Path:
    train(encoder_folder, write_set("t"), write_set("d", 8, 12), tmp_path / "out", *SMALL, "--passes", "3")
    return tmp_path / "out"


@pytest.fixture
def reader(trained: Path, backbone: Backbone) -> SpanReader:
    def lower(ids: np.ndarray) -> np.ndarray:
        return backbone.lower_states(ids[None], 2)[0]

    return SpanReader.load(trained / "reader.safetensors", backbone.tokenizer, lower)


def test_training_leaves_weights_log_curves_and_results(trained: Path) -> None:
    results = json.loads((trained / "results.json").read_text())
    assert [(result["name"], result["questions"]) for result in results] == [("d", 12), ("d titled", 12)]
    for result in results:
        assert 0 <= result["exact"] <= result["f1"] <= 100
        assert 0 <= result["auroc"] <= 1
    assert (trained / "curves.png").read_bytes().startswith(b"\x89PNG")
    kinds = {json.loads(line)["kind"] for line in (trained / "log.jsonl").read_text("utf-8").splitlines()}
    assert kinds == {"train", "sample"}


def test_the_served_reader_reads_what_the_trained_one_does(
    trained: Path, reader: SpanReader, backbone: Backbone, write_set: WriteSet, tmp_path: Path
) -> None:
    data = read_set(write_set("d", 8, 12))
    ready = development_sets([data], backbone, WindowSizes(24, 12), split=2, folder=tmp_path)
    model = import_model(load_weights(trained / "reader.safetensors"))
    titles = {paragraph.text: paragraph.title for paragraph in data.paragraphs}
    bare, titled = (list(zip(predict(model, one, torch.float32), one.asked, strict=True)) for one in ready)
    assert [prediction.score for prediction, _ in bare] != [prediction.score for prediction, _ in titled]
    for prediction, asked, heading in [(*pair, "") for pair in bare] + [
        (*pair, titles[pair[1].text]) for pair in titled
    ]:
        (span,) = reader.read(question(asked.question.text), [asked.text], None, [heading])
        assert (span.text, span.start) == (prediction.text, prediction.start)
        assert span.score == pytest.approx(prediction.score, abs=2e-2)  # states of training are kept in float16
        assert span.no_answer_score == pytest.approx(prediction.no_answer, abs=2e-2)
        assert asked.text[span.start : span.end] == span.text


def test_a_passage_is_read_by_itself(reader: SpanReader, write_set: WriteSet) -> None:
    passages = [paragraph.text for paragraph in read_set(write_set()).paragraphs]
    together = reader.read(question("宁波何年設立開發區？"), passages)
    assert together == tuple(reader.read(question("宁波何年設立開發區？"), [passage])[0] for passage in passages)
    assert together[::-1] == reader.read(question("宁波何年設立開發區？"), passages[::-1])


def test_kept_states_give_the_same_spans(reader: SpanReader, write_set: WriteSet) -> None:
    passages = [paragraph.text for paragraph in read_set(write_set()).paragraphs]
    kept = [reader.passage_states(passage) for passage in passages]
    text = "宁波何年設立開發區？"
    assert reader.read_states(reader.question_states(text), kept) == reader.read(question(text), passages)


def test_states_of_the_question_that_came_with_it_are_taken(reader: SpanReader) -> None:
    text, passages = "宁波何年設立開發區？", ["宁波市於1953年設立開發區。"]
    asked = EncodedQuestion(text, np.zeros(0, np.float32), reader.question_states(text))
    assert reader.read(asked, passages) == reader.read(question(text), passages)
    other = EncodedQuestion(text, asked.vector, reader.question_states("何"))
    assert reader.read(other, passages) != reader.read(asked, passages)


def test_odd_passages_and_questions(reader: SpanReader) -> None:
    empty = Span(0, 0, "", NO_SPAN, -NO_SPAN)
    one, blank, nothing, long = reader.read(
        question("何" * 300), ["杭", " \u3000\n", "", "杭州市於1950年設立開發區。" * 60]
    )
    assert (one.text, one.start, one.end) == ("杭", 0, 1)
    assert blank == nothing == empty
    assert long.text
    assert reader.read(question("？"), []) == ()
    json.dumps([one.score, blank.score, blank.no_answer_score], allow_nan=False)


def test_weights_come_back_and_a_second_writing_is_the_same(trained: Path, tmp_path: Path) -> None:
    path = trained / "reader.safetensors"
    weights = load_weights(path)
    assert (weights.shape.split, weights.shape.layers, weights.window, weights.stride) == (2, 2, 24, 12)
    save_weights(weights, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_damaged_and_foreign_weights_are_refused(trained: Path, tmp_path: Path) -> None:
    content = bytearray((trained / "reader.safetensors").read_bytes())
    damaged = tmp_path / "damaged"
    content[-5] ^= 0x11
    damaged.write_bytes(content)
    with pytest.raises(ReaderError, match=r"damaged: SHA-256 of its tensors"):
        load_weights(damaged)
    for cut in (content[:-100], content[:20], b"", b"not weights at all"):
        damaged.write_bytes(cut)
        with pytest.raises(ReaderError, match="not a reader's weights file, or damaged"):
            load_weights(damaged)
    with pytest.raises(ReaderError, match="no such weights file"):
        load_weights(tmp_path / "nowhere")
    weights = load_weights(trained / "reader.safetensors")
    fewer = {name: value for name, value in weights.tensors.items() if name != "cut.bias"}
    save_weights(ReaderWeights(weights.shape, fewer, weights.encoder_sha256), damaged)
    with pytest.raises(ReaderError, match=r"tensors cut\.bias missing"):
        load_weights(damaged)


def test_what_cannot_be_trained_on_is_said(encoder_folder: Path, write_set: WriteSet, tmp_path: Path) -> None:
    data = write_set("t")
    with pytest.raises(TrainingDataError, match="every passage stands in a development set"):
        train(encoder_folder, data, write_set("d"), tmp_path / "out", *SMALL)
    with pytest.raises(TrainingError, match="split 4 of 4 layers"):
        train(encoder_folder, data, None, tmp_path / "out", *SMALL, "--split", "4")
    with pytest.raises(TrainingError, match=r"no encoder there \(config.json"):
        train(tmp_path, data, None, tmp_path / "out", *SMALL)


def test_tuning_begins_from_given_weights(
    trained: Path, encoder_folder: Path, write_set: WriteSet, tmp_path: Path
) -> None:
    begin = trained / "reader.safetensors"
    more = ["--from", str(begin), "--passes", "0.01", "--learning-rate", "1e-9"]
    train(encoder_folder, write_set("own", 8, 12), None, tmp_path / "tuned", *SMALL[:-2], *more)
    first, second = load_weights(begin).tensors, load_weights(tmp_path / "tuned" / "reader.safetensors").tensors
    assert all(np.allclose(first[name], second[name], atol=1e-4) for name in first)
    with pytest.raises(TrainingError, match="give the --encoder they were trained with, and their --split or a lower"):
        train(encoder_folder, write_set("own"), None, tmp_path / "other", "--split", "3", *more)


def test_a_training_from_weights_of_a_higher_split_has_the_encoders_layers_between(
    trained: Path, backbone: Backbone
) -> None:
    begin = load_weights(trained / "reader.safetensors")
    begin = replace(begin, encoder_sha256=backbone.sha256)
    model = first_model(backbone, Settings(split=1), begin)
    fresh = ReaderModel.from_backbone(backbone, 1)
    earlier = import_model(begin)
    assert [len(one.layers) for one in (model, fresh, earlier)] == [3, 3, 2]
    expected = [fresh.layers[0], *earlier.layers]
    for layer, other in zip(model.layers, expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(layer.parameters(), other.parameters(), strict=True))
    for name in ("marks", "boundary", "pair", "cut"):
        assert torch.equal(getattr(model, name).weight, getattr(earlier, name).weight)


def test_passages_of_development_sets_are_left_out(
    encoder_folder: Path, write_set: WriteSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        train(encoder_folder, write_set("t"), write_set("d", 6, 9), tmp_path / "out", *SMALL, "--passes", "0.5")
    assert "t: 2 passages left out: they stand in a development set" in caplog.text


def test_curves_of_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("")
    draw_curves(tmp_path / "log.jsonl", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000
