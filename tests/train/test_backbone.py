"""The encoder under the reader, and its smaller copy for another machine."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from rag.train.backbone import Backbone, load_backbone, prune_encoder


def test_pruned_encoder_gives_the_same_states_and_keeps_its_name(
    backbone: Backbone, encoder_folder: Path, tmp_path: Path
) -> None:
    ids = backbone.tokenizer.question_ids("杭州何年設立開發區？", 64)[None]
    prune_encoder(encoder_folder, ids[0], tmp_path / "small")
    small = load_backbone(tmp_path / "small")
    assert small.sha256 == backbone.sha256
    assert np.allclose(small.lower_states(ids, 2), backbone.lower_states(ids, 2), atol=5e-3)
    unused = np.setdiff1d(np.arange(backbone.model.config.vocab_size), ids)
    assert not small.model.embeddings.word_embeddings.weight[unused].any()


def test_states_depend_on_split(backbone: Backbone) -> None:
    ids = backbone.tokenizer.question_ids("杭州", 64)[None]
    states = [backbone.lower_states(ids, split) for split in range(backbone.layer_count + 1)]
    assert all(state.shape == (1, ids.shape[1], backbone.width) for state in states)
    assert all(not np.allclose(first, second) for first, second in pairwise(states))
