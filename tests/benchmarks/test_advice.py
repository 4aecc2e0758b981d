"""When to mix: the table of the docs follows from the results of the claims."""

from __future__ import annotations

import json

import pytest

from benchmarks.claims.advice import BEGIN, END, PAGE, RESULTS, page_with, rows_of


def part(verdict, mean=2.0, name="images, mixup 1"):
    return {
        "name": name,
        "unit": "points higher",
        "mean": mean,
        "error": 0.5,
        "low": mean - 1,
        "high": mean + 1,
        "verdict": verdict,
    }


def claims(*parts):
    return {"e": {"parts": list(parts)}}


def test_what_to_do_follows_from_the_verdicts():
    (row,) = rows_of(claims(part("holds")))
    assert row[1] == "images, mixup 1: +2.0 ± 0.5 points higher"
    assert row[2:] == ["1, 0 of 1", "holds", "mix"]
    (row,) = rows_of(claims(part("not here", 0.1)))
    assert row[2:] == ["0, 0 of 1", "does not hold here", "leave it off"]
    assert rows_of({}) == []


def test_where_some_gain_and_some_lose_it_depends_on_which_are_more():
    gain, none = part("holds", name="images, a"), part("not here", 0.1)
    loss = part("not here", -3.0, name="images, b")
    assert rows_of(claims(gain, none))[0][-1] == "try it: images, a"
    assert rows_of(claims(gain, loss))[0][-1] == "rather not: as many lose, or more"


def test_the_block_is_replaced_and_the_rest_kept():
    content = {"measurements": {"claims": claims(part("holds"))}}
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
