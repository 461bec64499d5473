"""A tiny encoder and tiny question sets: everything a training needs, made here in a second."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from rag.reader.tokens import SpanTokenizer
from rag.train.backbone import Backbone, load_backbone

CITIES = ("杭州", "宁波", "温州", "绍兴", "湖州", "嘉兴", "金华", "衢州", "舟山", "台州", "丽水", "義烏")
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def facts(number: int) -> dict[str, Any]:
    """An article about one city, with two questions and one that it does not answer."""
    city, year, people = CITIES[number], str(1950 + 3 * number), f"{number + 2}0萬"
    text = f"{city}市於{year}年設立開發區，面積 {number + 5}平方公里，有{people}人。當地盛產茶葉。"
    questions = [("year", f"{city}何年設立開發區？", f"{year}年"), ("people", f"{city}有多少人？", f"{people}人")]
    entries: list[dict[str, Any]] = [
        {"id": f"{number}-{kind}", "question": question, "answers": [{"text": a, "answer_start": text.index(a)}]}
        for kind, question, a in questions
    ]
    entries.append({"id": f"{number}-none", "question": f"{city}的市長是誰？", "answers": [], "is_impossible": True})
    return {"title": city, "paragraphs": [{"context": text, "qas": entries}]}


@pytest.fixture
def write_set(tmp_path: Path) -> Callable[..., Path]:
    """Writes articles `first … last-1` as a SQuAD file."""

    def write(name: str = "facts", first: int = 0, last: int = 8) -> Path:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"data": [facts(n) for n in range(first, last)]}, ensure_ascii=False), "utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four layers of width 32 over a tokenizer of characters and a few words, like the default encoder's."""
    folder = tmp_path_factory.mktemp("encoder")
    characters = sorted({c for n in range(len(CITIES)) for c in json.dumps(facts(n), ensure_ascii=False) if c.strip()})
    words = ["▁passage", "▁que", "ry", "年設", "平方", "公里", "95", "年設立"]
    vocabulary = [(piece, 0.0) for piece in SPECIAL] + [("▁", -3.0)]
    vocabulary += [(word, -4.0) for word in words] + [(c, -6.0) for c in characters]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=128, layer_norm_eps=1e-12,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def backbone(encoder_folder: Path) -> Backbone:
    return load_backbone(encoder_folder)


@pytest.fixture(scope="session")
def tokenizer(backbone: Backbone) -> SpanTokenizer:
    return backbone.tokenizer
