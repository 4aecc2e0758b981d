"""Which code a text has in a graph, where nothing but texts can be given."""

import numpy as np
import pandas as pd
import pytest

from sk_mixup.encoding import TableEncoder
from sk_mixup.exceptions import MixupWarning
from sk_mixup.export._texts import codes_of_texts


def encoder_of(values):
    return TableEncoder([True]).fit(pd.DataFrame({"c": values}))


def codes(values):
    return codes_of_texts(encoder_of(values), 0, "c")


def test_texts_have_their_codes_and_nothing_is_missing():
    assert codes(["cook", "smith", None]) == {"cook": 2, "smith": 3, "": 0}


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([3, 5], {"3": 2, "3.0": 2, "5": 3}),
        ([3.0, np.nan], {"3": 2, "3.0": 2, "": 0}),
        ([0.1, 0.7], {"0.1": 2, "0.7": 3, str(float(np.float32(0.7))): 3}),
        ([True, False], {"True": 3, "False": 2, "1": 3, "0.0": 2}),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), {"2021-01-01 00:00:00": 3}),
        (["007", "7"], {"007": 2, "7": 3}),
    ],
    ids=["ints", "floats", "tenths", "bools", "dates", "digits"],
)
def test_levels_have_the_codes_of_their_spellings(values, texts):
    known = codes(values)
    assert {text: known.get(text) for text in texts} == texts


def test_a_text_means_what_predict_takes_it_for():
    values = ["1", "2", "x", "0.5", 3]
    encoder = encoder_of(values)
    known = codes_of_texts(encoder, 0, "c")
    texts = ["1", "2", "x", "0.5", "3", "1.0", "astronaut"]
    frame = pd.DataFrame({"c": pd.Series(texts, dtype=object)})
    expected = encoder.transform(frame).categorical.ravel().tolist()
    # A number among texts is written as one.
    expected[4] = encoder.transform(pd.DataFrame({"c": [3]})).categorical.item()
    assert [known.get(text, 1) for text in texts] == expected


def test_two_levels_that_are_one_text_are_refused():
    with pytest.raises(ValueError, match=r"column 'c' has the levels 1 and '1'"):
        codes([1, "1", "x"])


def test_an_empty_level_beside_missing_values_is_told():
    assert codes(["", "a"])[""] == 2
    with pytest.warns(MixupWarning, match="'' means the level"):
        assert codes(["", "a", None])[""] == 2
