"""Parts of a suite that are measured at another time, and who used the processor."""

import json
import time

import pytest

from benchmarks.harness.earlier import with_earlier_parts
from benchmarks.harness.kept import KeptRuns
from benchmarks.harness.processor import ProcessorTime
from benchmarks.harness.report import Report, Table, write_report

HEADER = {
    "command": "python -m benchmarks some",
    "date": "today",
    "git commit": "abc",
    "load average at the start": "0.10",
}


def table(title, value="1"):
    return Table(title, ["", "seconds"], [["ours", value]], ["A note."])


def report(*tables, **measured):
    return Report("some", tables, measured)


def test_a_part_that_is_measured_alone_keeps_the_others(tmp_path):
    first = report(table("old"), table("both"), old=[1], both=[1])
    write_report(first, HEADER, tmp_path)
    again = report(table("both", "2"), table("new"), old=[], both=[2], new=[3])
    found = with_earlier_parts(again, tmp_path)
    assert [one.title for one in found.tables] == ["old", "both", "new"]
    assert [one.rows[0][1] for one in found.tables] == ["1", "2", "1"]
    assert found.measurements == {"old": [1], "both": [2], "new": [3]}
    kept, anew, _ = found.tables
    assert kept.notes[-1].endswith("today, git commit abc, load average 0.10.")
    assert anew.notes == ["A note."]


def test_what_is_kept_twice_says_once_where_it_is_from(tmp_path):
    write_report(report(table("old")), HEADER, tmp_path)
    once = with_earlier_parts(report(), tmp_path)
    write_report(once, HEADER | {"date": "later"}, tmp_path)
    twice = with_earlier_parts(report(), tmp_path)
    assert list(twice.tables[0].notes) == list(once.tables[0].notes)


def test_without_an_earlier_run_nothing_is_added(tmp_path):
    new = report(table("new"))
    assert with_earlier_parts(new, tmp_path) is new


def test_runs_that_were_kept_are_handed_out_once(tmp_path):
    file = tmp_path / "folder" / "runs.jsonl"
    for seconds in (1.0, 2.0):
        KeptRuns(file).keep({"who": "ours"}, seconds)
    kept = KeptRuns(file)
    assert kept.take({"who": "theirs"}) is None
    assert [kept.take({"who": "ours"}) for _ in range(3)] == [1.0, 2.0, None]
    assert len([json.loads(line) for line in file.read_text().splitlines()]) == 2


def test_processor_time_counts_work_and_no_sleep():
    pytest.importorskip("psutil")
    with ProcessorTime() as asleep:
        time.sleep(0.05)
    with ProcessorTime() as busy:
        start = time.process_time()
        while time.process_time() < start + 0.1:
            pass
    assert asleep.own < 0.05 < busy.own
