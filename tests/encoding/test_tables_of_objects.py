"""Tables that lost their dtypes: objects, other byte orders, NumPy's texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sk_mixup.encoding import TableEncoder, as_table, as_texts

RAW = [
    [1, "cook", 2.5, "red", None],
    [2, "smith", 3.5, "blue", 7],
    [3, "cook", 1.0, "red", 8],
]
OBJECTS = np.array(RAW, dtype=object)


@pytest.mark.parametrize("X", [OBJECTS, RAW], ids=["array", "list"])
def test_all_columns_of_text_are_named_with_what_to_say(X):
    words = (
        r"text in 2 columns.*column 1 \('cook'\), column 3 \('red'\)"
        r".*categorical_features=\[1, 3\]"
    )
    with pytest.raises(ValueError, match=words):
        TableEncoder().fit(as_table(X))
    TableEncoder([1, 3]).fit(as_table(X))


def test_what_was_said_already_is_part_of_the_remedy():
    with pytest.raises(ValueError, match=r"column 3,.*categorical_features=\[1, 3\]"):
        TableEncoder([1]).fit(OBJECTS)


def test_frames_name_their_columns():
    X = pd.DataFrame(RAW, columns=list("abcde"))
    with pytest.raises(ValueError, match="add 'b', 'd' to categorical_features"):
        TableEncoder(None).fit(X)
    encoder = TableEncoder(None).fit(X[["a", "c"]])
    texts = pd.DataFrame({"a": ["x", "y"], "c": ["u", "v"]})
    with pytest.raises(ValueError, match=r"2 columns.*They held numbers in fit"):
        encoder.transform(texts)


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2", ">u4", ">f2"])
def test_the_byte_order_does_not_matter(dtype):
    values = np.array([[3, 10], [1, 20], [2, 20], [3, 10]])
    for other in (values.astype(dtype), pd.DataFrame(values.astype(dtype))):
        plain = values if isinstance(other, np.ndarray) else pd.DataFrame(values)
        for categorical in (None, [1], [0, 1]):
            found = TableEncoder(categorical).fit_transform(as_table(other))
            expected = TableEncoder(categorical).fit_transform(as_table(plain))
            np.testing.assert_array_equal(found.numeric, expected.numeric)
            np.testing.assert_array_equal(found.categorical, expected.categorical)


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 2 has it")
def test_texts_of_numpy_are_texts():
    dtype = np.dtypes.StringDType(na_object=None)
    X = np.array([["a", "u"], ["b", None], ["a", "v"]], dtype=dtype)
    encoder = TableEncoder([0, 1]).fit(as_table(X))
    expected = [[2, 2], [3, 0], [2, 3]]
    assert encoder.transform(as_table(X)).categorical.tolist() == expected
    assert encoder.transform(X.astype(object)).categorical.tolist() == expected
    assert as_texts(X[:, 1], name="Net") == ["u", "", "v"]
    with pytest.raises(ValueError, match=r"categorical_features=\[0, 1\]"):
        TableEncoder().fit(as_table(X))


@pytest.mark.parametrize("X", [["good day"] * 500, np.array(["good day"] * 500)])
def test_texts_for_a_table_are_not_printed(X):
    with pytest.raises(ValueError, match=r"500 texts.*module='text_bag'") as error:
        as_table(X)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("texts", "error", "words"),
    [
        (["good", 5], TypeError, r"row 1 holds 5 .*str\(\)"),
        (["good", b"day"], TypeError, r"row 1 holds b'day'.*decode\(\)"),
        ([["good", "day"]], TypeError, r"row 0 .*Join words"),
        (["good", "da\ud800y"], ValueError, "row 1 holds .*half a character"),
        ({"good", "day"}, TypeError, "a set, whose entries have no order"),
        ({"text": ["good"]}, TypeError, "a dict"),
    ],
)
def test_entries_that_are_no_text(texts, error, words):
    with pytest.raises(error, match=words):
        as_texts(texts, name="Net")
