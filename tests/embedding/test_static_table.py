"""Static tables: written and read, fitted to vectors and pairs, made from repositories, used in a folder of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chains import Chain, GitRepository

from code_index_assets.embedding.fitting import training
from code_index_assets.embedding.fitting.corpus import first_sentence, read_repository, without_lines
from code_index_assets.embedding.loading import document_embedder
from code_index_assets.embedding.models.static_table import PACKAGED, StaticTableEmbedder, write_table
from code_index_assets.embedding.models.word_pieces import WordPieces
from code_index_assets.errors import EmbeddingError
from code_index_assets.search.engine import SearchRequest
from code_index_assets.search.service import open_engine
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

WORDS = ["[UNK]", *(f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"), "##s", "read", "file"]


def test_an_identifier_is_cut_into_words_and_pieces() -> None:
    pieces = WordPieces(WORDS)
    read, file, plural = (WORDS.index(piece) for piece in ("read", "file", "##s"))
    assert pieces.of_name("readFiles") == [read, file, plural]
    assert pieces.of_text("read_file(x, FILE)") == [read, file, file]
    assert pieces.of_word("unspellable") == []


def test_a_text_in_a_written_table_is_the_sum_of_its_pieces(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).normal(size=(len(WORDS), 16)).astype(np.float32)
    write_table(tmp_path, "some-model", WORDS, vectors)
    table = StaticTableEmbedder(tmp_path)
    wanted = vectors[WORDS.index("read")] + 2 * vectors[WORDS.index("file")] + vectors[WORDS.index("##s")]
    (found,) = table.embed(["read(file, files);"], "document")
    assert found @ wanted / np.linalg.norm(wanted) > 0.9995
    assert table.knows("read it") and not table.knows("unspellable")
    assert table.count_tokens(["read files"]) == [3]


def test_another_table_is_another_space(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2), ("again", 1)):
        vectors = np.random.default_rng(seed).normal(size=(len(WORDS), 16)).astype(np.float32)
        write_table(tmp_path / name, "some-model", WORDS, vectors)
    a, b, again = (StaticTableEmbedder(tmp_path / name).space.id for name in ("a", "b", "again"))
    assert a == again != b
    assert StaticTableEmbedder().space.id not in (a, b)


@pytest.mark.parametrize("damage", ["missing", "shorter", "no json"])
def test_a_damaged_table_is_a_clear_error(tmp_path: Path, damage: str) -> None:
    write_table(tmp_path / "t", "some-model", WORDS, np.ones((len(WORDS), 4), dtype=np.float32))
    if damage == "missing":
        (tmp_path / "t" / "vectors.npy").unlink()
    elif damage == "shorter":
        (tmp_path / "t" / "vocabulary.txt").write_text("one\ntwo")
    else:
        (tmp_path / "t" / "table.json").write_text("{")
    settings = Settings.model_validate({"data": tmp_path, "model": f"static:{tmp_path / 't'}"})
    with pytest.raises(EmbeddingError, match=r"static table in .*/t cannot be read"):
        document_embedder(settings, Layout(tmp_path))


def test_the_table_of_the_package_finds_by_meaning() -> None:
    table = StaticTableEmbedder(PACKAGED)
    texts = [
        "def remove_file(path): os.unlink(path)",
        "def add_numbers(a, b): return a + b",
        "class HttpServer: listen(port)",
        "func retryWithBackoff(attempts int, wait time.Duration) error",
    ]
    documents = table.embed(texts, "document")
    asked = ("delete a file from disk", "sum of two values", "web server port", "try again after a failure")
    for wanted, query in enumerate(asked):
        assert int((documents @ table.embed([query], "query")[0]).argmax()) == wanted
    assert np.array_equal(documents[:1], table.embed(texts[:1], "document"))


def test_fitting_brings_texts_to_their_vectors_and_pairs_together() -> None:
    """On texts it has not seen: nearer to the transformer than the first guess was, and partners found more often."""
    chance = np.random.default_rng(3)
    truth = chance.normal(size=(200, 24)).astype(np.float32)
    start = (truth + chance.normal(size=truth.shape, scale=1.5)).astype(np.float32)

    def texts(count: int) -> list[training.Pieces]:
        return [chance.integers(0, 200, size=12).astype(np.int32) for _ in range(count)]

    def said_and_code(count: int) -> training.Pairs:
        code = texts(count)
        # What is said of a code uses half of its words, and one word in each that tells nothing.
        return training.Pairs([np.append(pieces[:6], 0).astype(np.int32) for pieces in code], code)

    def sums(table: np.ndarray, of: list[training.Pieces]) -> np.ndarray:
        out = np.stack([table[pieces].sum(axis=0) for pieces in of])
        return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))

    seen, unseen = texts(600), texts(300)
    fitted = training.fit(start, seen, sums(truth, seen), [said_and_code(600)], 24, lambda line: None)
    target = sums(truth, unseen) @ sums(truth, unseen).T

    def off(table: np.ndarray) -> float:
        return float(np.abs(sums(table, unseen) @ sums(table, unseen).T - target).mean())

    def found(table: np.ndarray, pairs: training.Pairs) -> float:
        likeness = sums(table, pairs.said) @ sums(table, pairs.code).T
        return float((likeness.argmax(axis=1) == np.arange(len(likeness))).mean())

    assert off(fitted) < 0.7 * off(start)
    asked = said_and_code(300)
    assert found(fitted, asked) > found(start, asked)


def test_a_repository_gives_texts_and_pairs_that_do_not_give_themselves_away(repository: GitRepository) -> None:
    body = "    total = 0\n    for price in basket.prices:\n        total = total + price * basket.discount\n    return total\n"
    documented = f'def total_of(basket):\n    """Adds up what a basket costs. Twice."""\n{body}'
    repository.commit({"shop/basket.py": documented}, "first")
    taxed = documented.replace("return total", "return total * tax")
    repository.commit({"shop/basket.py": taxed}, "Prices include the tax of a country (#12)")
    repository.commit({"shop/basket.py": body}, "Bump the version of everything to 3.2")
    corpus = read_repository(repository.path / ".git", "HEAD~1")
    ((said, code),) = corpus.documented
    assert said == "Adds up what a basket costs."
    assert "total = total + price" in code and "Adds up" not in code
    ((subject, changed),) = corpus.committed
    assert subject == "Prices include the tax of a country"
    assert "return total * tax" in changed
    assert {said, subject} < set(corpus.texts)
    assert all(subject != "Bump the version of everything to 3.2" for subject, _ in corpus.committed)


def test_comment_signs_and_further_sentences_are_left_out() -> None:
    assert first_sentence("/** Opens a\n * file. Then closes it.\n\n@param x */").startswith("Opens a * file.")
    assert first_sentence("# Reads the whole\nfile") == "Reads the whole file"
    assert without_lines("# Reads the whole file\nread()", "Reads the whole file") == "read()"


def test_a_table_of_ones_own_makes_an_index_of_its_own(
    repository: GitRepository, make_chain: Callable[..., Chain], tmp_path: Path
) -> None:
    vectors = np.random.default_rng(4).normal(size=(len(WORDS), 8)).astype(np.float32)
    write_table(tmp_path / "own", "own-code", WORDS, vectors)
    repository.commit({"a.py": "def read_file(name):\n    return open(name).read()\n"})
    chain = make_chain("own", model=f"static:{tmp_path / 'own'}")
    chain.index(chain.register(repository.path, "own"))
    engine = open_engine(chain.settings, chain.layout)
    answer = engine.search(SearchRequest(query="read file", lanes=("semantic",)))
    assert [hit.path for hit in answer.hits] == ["a.py"]
    spaces = [folder.name for folder in (chain.data / "index").iterdir() if folder.is_dir()]
    assert spaces == [StaticTableEmbedder(tmp_path / "own").space.id] != [StaticTableEmbedder().space.id]
