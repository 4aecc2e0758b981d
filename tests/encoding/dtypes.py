"""Dtypes of columns of text."""

import pandas as pd
import pytest

pa = pytest.importorskip("pyarrow")

TEXT_DTYPES = [
    "object",
    "str",
    "string",
    "string[python]",
    "string[pyarrow]",
    "category",
    pd.ArrowDtype(pa.string()),
    pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())),
]
