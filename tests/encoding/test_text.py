"""Raw texts to token ids."""

import builtins
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, train_test_split

tokenizers = pytest.importorskip("tokenizers")

from sk_mixup.inputs import TextTokenizer  # noqa: E402

TEXTS = [
    "The market rose, and banks rose too.",
    "The team won the match in the last minute!",
    "Banks fell; the market fell.",
    "A match is won by the team that rose.",
    "The last market of the year.",
] * 2
KINDS = ["bpe", "wordpiece", "word"]


def slow_words(texts, vocabulary, length):
    """Look words up one by one, in texts whose words stand apart by spaces."""
    ids = np.zeros((len(texts), length), dtype=np.int64)
    mask = np.zeros((len(texts), length), dtype=bool)
    for i, text in enumerate(texts):
        words = text.lower().split() or ["?"]
        for t, word in enumerate(words[:length]):
            ids[i, t] = vocabulary.get(word, 1)
            mask[i, t] = True
    return ids, mask


def test_whole_words_are_looked_up():
    texts = ["the cat sat", "The cat", "a dog the cat sat on", ""]
    tokenizer = TextTokenizer("word", min_frequency=1, max_length=5).fit(texts)
    vocabulary = tokenizer.tokenizer_.get_vocab()
    assert vocabulary.keys() == {
        *("[PAD]", "[UNK]", "the", "cat", "sat", "a", "dog", "on")
    }
    asked = [*texts, "an unheard cat"]
    rows = tokenizer.transform(asked)
    ids, mask = slow_words(asked, vocabulary, 5)
    np.testing.assert_array_equal(rows["ids"], ids)
    np.testing.assert_array_equal(rows["mask"], mask)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_and_mask_have_one_row_per_text(kind):
    tokenizer = TextTokenizer(kind)
    rows = tokenizer.fit_transform(TEXTS)
    n, length = len(TEXTS), tokenizer.length_
    assert len(rows) == n
    assert rows["ids"].shape == rows["mask"].shape == (n, length)
    assert rows["ids"].dtype == np.int64
    assert rows["mask"].dtype == bool
    assert (rows["ids"][~rows["mask"]] == 0).all()
    assert (rows["ids"][rows["mask"]] > 0).all()
    assert rows["ids"].max() < tokenizer.n_tokens_


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_say_the_text(kind):
    tokenizer = TextTokenizer(kind, min_frequency=1).fit(TEXTS)
    rows = tokenizer.transform(TEXTS)
    for text, ids, mask in zip(TEXTS, rows["ids"], rows["mask"], strict=True):
        tokens = [tokenizer.tokenizer_.id_to_token(i) for i in ids[mask]]
        joined = "".join(token.removeprefix("##") for token in tokens)
        whole = "".join(text.lower().split())
        assert whole.startswith(joined)
        assert len(joined) == len(whole) or mask.all()


def test_rows_can_be_split_and_keep_their_vocabulary():
    rows = TextTokenizer().fit_transform(TEXTS)
    train, test = train_test_split(rows, test_size=3, random_state=0)
    assert (len(train), len(test)) == (7, 3)
    assert train.n_tokens == rows.n_tokens
    assert train["ids"].shape == (7, rows["ids"].shape[1])


@pytest.mark.parametrize(
    "X",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        np.array(TEXTS, dtype=object)[:, None],
        pd.Series(TEXTS, index=range(10, 0, -1)),
        pd.Series(TEXTS, dtype="string"),
        pd.Series(TEXTS, dtype="category"),
        pd.DataFrame({"text": TEXTS}),
    ],
    ids=[
        "list",
        "tuple",
        "str",
        "object",
        "column",
        "series",
        "string",
        "cat",
        "frame",
    ],
)
def test_texts_come_in_many_containers(X):
    wanted = TextTokenizer().fit_transform(TEXTS)
    found = TextTokenizer().fit(X).transform(X)
    np.testing.assert_array_equal(found["ids"], wanted["ids"])


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, "", "  \n"])
def test_a_text_without_words_is_one_unknown_token(missing):
    tokenizer = TextTokenizer().fit([*TEXTS, missing])
    rows = tokenizer.transform([missing])
    assert rows["ids"][0, 0] == 1
    assert rows["mask"].sum() == 1


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("one text", TypeError, r"X is one text.*give a list, \[text\]"),
        (["a", 3.5], TypeError, r"row 1 holds 3\.5 of type float, which is no text"),
        (["a", b"b"], TypeError, r"row 1 holds b'b'.*Decode it first"),
        (["a", ["b", "c"]], TypeError, "row 1 holds .* of type list"),
        ([], ValueError, r"0 sample\(s\)"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, "one text per row"),
        ([None, ""], ValueError, "no text holds a word"),
    ],
)
def test_what_is_no_text_is_refused_by_row(X, error, message):
    with pytest.raises(error, match=message):
        TextTokenizer().fit(X)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "char"}, ValueError, r"kind must be one of .* got 'char'"),
        ({"vocab_size": 2}, ValueError, "vocab_size must be .* at least 3; got 2"),
        ({"max_length": 0}, ValueError, "max_length must be .* at least 1; got 0"),
        ({"min_frequency": "2"}, TypeError, "min_frequency must be .* type str"),
        ({"tokenizer": "bert"}, TypeError, "tokenizer must be a tokenizers.Tokenizer"),
    ],
)
def test_wrong_parameters_are_named(options, error, message):
    with pytest.raises(error, match=message):
        TextTokenizer(**options).fit(TEXTS)


def test_the_vocabulary_is_that_of_the_training_texts():
    texts = [f"common word{i} word{i}" for i in range(12)]
    for train, test in KFold(3).split(texts):
        tokenizer = TextTokenizer("word").fit([texts[i] for i in train])
        known = tokenizer.tokenizer_.get_vocab()
        assert all(f"word{i}" in known for i in train)
        assert not any(f"word{i}" in known for i in test)
        rows = tokenizer.transform([texts[i] for i in test])
        assert (rows["ids"][:, 1:3] == 1).all()


def test_vocab_size_is_the_most_tokens():
    for kind in KINDS:
        assert TextTokenizer(kind, vocab_size=9).fit(TEXTS).n_tokens_ <= 70
    assert TextTokenizer("word", vocab_size=9).fit(TEXTS).n_tokens_ == 9


def test_capital_letters_may_count():
    low = TextTokenizer("word").fit(TEXTS).tokenizer_.get_vocab()
    high = TextTokenizer("word", lowercase=False).fit(TEXTS).tokenizer_.get_vocab()
    assert ("The" in low, "The" in high) == (False, True)


def test_long_texts_are_cut_where_most_training_texts_end():
    texts = ["one two three"] * 99 + ["one " * 50]
    assert TextTokenizer("word").fit(texts).length_ == 3
    assert TextTokenizer("word", max_length=10).fit(texts).length_ == 10
    assert TextTokenizer("word", max_length=500).fit(texts).length_ == 50


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_transformer(kind):
    tokenizer = TextTokenizer(kind, vocab_size=60)
    twin = clone(tokenizer)
    assert twin.get_params() == tokenizer.get_params()
    fitted = tokenizer.fit(TEXTS)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.transform(TEXTS)["ids"], twin.fit_transform(TEXTS)["ids"]
    )


# The library's trainers number letters in the order of a hash table of the process.
def test_the_same_texts_give_the_same_tokenizers_in_another_process():
    code = (
        "from sk_mixup.encoding._text import KINDS, train_tokenizer\n"
        f"texts = {TEXTS!r}\n"
        "for kind in KINDS:\n"
        "    print(train_tokenizer(texts, kind=kind, vocab_size=70, min_frequency=2,"
        " lowercase=True).to_str())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    here = [
        TextTokenizer(kind, vocab_size=70).fit(TEXTS).tokenizer_.to_str()
        for kind in KINDS
    ]
    assert done.stdout.splitlines() == here


# -- a given tokenizer -----------------------------------------------------------------


def trained(pad="[PAD]", specials=False):
    """A tokenizer of somebody else, with padding last in its vocabulary."""
    model = tokenizers.models.WordLevel(unk_token="<?>")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    trainer = tokenizers.trainers.WordLevelTrainer(
        special_tokens=["<?>", "[CLS]", "[SEP]"], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    if pad:
        tokenizer.add_special_tokens([pad])
    if specials:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
    return tokenizer


def test_a_given_tokenizer_is_used_as_it_is():
    given = trained()
    tokenizer = TextTokenizer(tokenizer=given).fit(TEXTS[:2])
    rows = tokenizer.transform(["The team", "won the last match ever"])
    assert tokenizer.n_tokens_ == given.get_vocab_size()
    assert tokenizer.padding_idx_ == given.token_to_id("[PAD]") == rows.padding_idx
    for text, ids, mask in zip(
        ["The team", "won the last match ever"], rows["ids"], rows["mask"], strict=True
    ):
        assert ids[mask].tolist() == given.encode(text).ids
        assert (ids[~mask] == tokenizer.padding_idx_).all()


def test_a_given_tokenizer_stays_as_it_was():
    given = trained(specials=True)
    before = given.to_str()
    TextTokenizer(tokenizer=given, max_length=4).fit(TEXTS)
    assert given.to_str() == before


def test_cut_texts_keep_their_special_tokens():
    tokenizer = TextTokenizer(tokenizer=trained(specials=True), max_length=5)
    rows = tokenizer.fit_transform(TEXTS)
    assert rows["ids"].shape[1] == 5
    assert (rows["ids"][:, 0] == 1).all()
    assert (rows["ids"][:, 4] == 2).all()


def test_less_room_than_special_tokens_need_is_refused():
    with pytest.raises(ValueError, match=r"max_length=2: .* adds 2 .* say 3 at least"):
        TextTokenizer(tokenizer=trained(specials=True), max_length=2).fit(TEXTS)


def test_without_a_padding_token_the_mask_alone_tells():
    rows = TextTokenizer(tokenizer=trained(pad=None)).fit_transform(TEXTS)
    assert rows.padding_idx is None
    assert (rows["ids"][~rows["mask"]] == 0).all()


def test_a_fast_tokenizer_of_transformers_is_taken():
    transformers = pytest.importorskip("transformers")
    given = transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained(pad="<blank>"), pad_token="<blank>", unk_token="<?>"
    )
    tokenizer = clone(TextTokenizer(tokenizer=given)).fit(TEXTS)
    assert tokenizer.padding_idx_ == given.pad_token_id
    assert tokenizer.n_tokens_ == len(given)


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    plain = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "tokenizers":
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'sk-mixup\[text\]'"):
        TextTokenizer().fit(TEXTS)
