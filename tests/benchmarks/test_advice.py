"""When to mix: the table of the docs follows from the results of the claims."""

from __future__ import annotations

import json

import pytest

from benchmarks.claims.advice import BEGIN, END, PAGE, RESULTS, page_with, rows_of


def claims(verdict, mean=2.0):
    part = {"name": "mixup 1", "unit": "points higher", "mean": mean, "error": 0.5}
    return {"e": {"parts": [part | {"name": "images, mixup 1", "verdict": verdict}]}}


def test_what_to_do_follows_from_the_verdict():
    (row,) = rows_of(claims("holds"))
    assert row[1] == "images, mixup 1: +2.0 ± 0.5 points higher"
    assert row[2:] == ["1 of 1", "holds", "mix"]
    (row,) = rows_of(claims("not here"))
    assert row[2:] == ["0 of 1", "does not hold here", "leave it off"]
    assert rows_of({}) == []


def test_the_block_is_replaced_and_the_rest_kept():
    content = {"measurements": {"claims": claims("holds")}}
    once = page_with(f"before\n{BEGIN}\nstale words\n{END}\nafter\n", content)
    assert once.startswith(f"before\n{BEGIN}\n")
    assert once.endswith(f"{END}\nafter\n")
    assert "stale words" not in once
    assert page_with(once, content) == once


def test_the_page_says_what_the_committed_run_says():
    if not RESULTS.is_file():
        pytest.skip("no run is committed")
    text = PAGE.read_text("utf-8")
    assert page_with(text, json.loads(RESULTS.read_text("utf-8"))) == text
