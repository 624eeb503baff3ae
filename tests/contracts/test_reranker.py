"""What every `rag.ports.Reranker` does, on a tiny cross-encoder that is made here, and what reranking does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from rag import ranking
from rag.embedders.cross_encoder import SentenceTransformerReranker
from rag.errors import ModelError
from rag.types import Article, Evidence, Span

TEXT = "The ferry sank. It rained all day. Twelve people died."
ARTICLE = Article("ferry", "Ferry", TEXT)
QUESTION = "How many people died?"
SPANS = [Span(0, 15), Span(16, 34), Span(35, 54)]


def made(folder: Path, labels: int) -> Path:
    """A BERT of one layer with random weights, and a vocabulary of letters."""
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(chr, range(97, 123))]
    vocabulary += [f"##{letter}" for letter in map(chr, range(97, 123))]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, initializer_range=1.0,
    )  # fmt: skip
    config.num_labels = labels
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformerReranker:
    return SentenceTransformerReranker(str(made(tmp_path_factory.mktemp("models") / "tiny", 1)), threads=1)


def test_one_score_for_each_text_in_order(reranker: SentenceTransformerReranker) -> None:
    texts = ["twelve people died", "it rained", "the ferry sank off the coast " * 100]
    scores = reranker.scores(QUESTION, texts)
    assert scores == pytest.approx([reranker.scores(QUESTION, [text])[0] for text in texts], abs=1e-4)
    assert len({round(score, 3) for score in scores}) == 3
    assert reranker.scores(QUESTION, []) == []


def test_scores_are_log_odds_and_no_probabilities(reranker: SentenceTransformerReranker) -> None:
    scores = reranker.scores(QUESTION, [chr(97 + n) * 3 for n in range(26)])
    assert not all(0.0 <= score <= 1.0 for score in scores)


def test_a_model_that_is_not_there_or_scores_several_things(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot load the reranker"):
        SentenceTransformerReranker(str(tmp_path), threads=1)
    with pytest.raises(ModelError, match="gives 3 scores: it must give one"):
        SentenceTransformerReranker(str(made(tmp_path / "three", 3)), threads=1)


def test_the_best_sentences_are_put_in_its_order_and_the_others_stay_below(
    reranker: SentenceTransformerReranker,
) -> None:
    ranked = [Evidence(ARTICLE, span, 2.0 - n, {"cosine": 0.5}) for n, span in enumerate(SPANS)]
    expected = reranker.scores(QUESTION, [f"Ferry. {e.text}" for e in ranked])
    found = ranking.reranked(reranker, QUESTION, ranked, 2)
    assert [e.score for e in found[:2]] == pytest.approx(sorted(expected[:2], reverse=True), abs=1e-4)
    assert {e.span for e in found[:2]} == set(SPANS[:2])
    assert found[2].span == SPANS[2]
    assert found[2].score == pytest.approx(found[1].score - 1.0, abs=1e-4)
    assert found[0].signals == {"cosine": 0.5, "reranker": found[0].score}
    assert [e.score for e in ranking.reranked(reranker, QUESTION, ranked, 3)] == pytest.approx(
        sorted(expected, reverse=True), abs=1e-4
    )


def test_without_a_reranker_nothing_moves() -> None:
    ranked = [Evidence(ARTICLE, span, float(n)) for n, span in enumerate(SPANS)]
    assert ranking.reranked(None, QUESTION, ranked, 2) is ranked
