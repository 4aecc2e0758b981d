"""``methods --only images``: which methods take part, and both orders side by side."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import main
from benchmarks.claims.image_methods import scale_of, trainings, trials
from benchmarks.claims.scales import QUICK
from benchmarks.suites.methods_images import PUBLISHED, order_table, report_of
from sk_mixup.mixing import list_methods


def found(accuracies, n_seeds=2):
    return {
        name: [
            {
                "accuracy": value + 0.001 * seed,
                "log_loss_tempered": 1.0 - value,
                "ece": 0.1,
                "ece_tempered": 0.05,
                "epoch_seconds": 1.0,
                "seed": seed,
                "commit": "abc",
            }
            for seed in range(n_seeds)
        ]
        for name, value in accuracies.items()
    }


def test_every_method_is_tried_and_the_first_seeds_come_first():
    assert {cell.setting for cell in trials()} == set(list_methods())
    cells = trainings(["mixup", "cutmix"], QUICK)
    assert [(c.setting, c.seed) for c in cells[:4]] == [
        *(("none", 0), ("mixup", 0), ("cutmix", 0)),
        ("none", 1),
    ]


def test_what_does_not_suit_is_left_out_with_its_reason():
    report = report_of(found({"none": 0.5}), {"c_mixup": "ValueError: no"}, QUICK, [])
    assert report.tables[-1].rows == [["c_mixup", "ValueError: no"]]


def test_the_order_says_where_it_differs():
    names = sorted(PUBLISHED, key=lambda name: -PUBLISHED[name])[:6]
    same = {name: 0.6 - 0.01 * i for i, name in enumerate(names)}
    notes = " ".join(order_table(found(same)).notes)
    assert "Rank correlation of both orders: +1.00" in notes
    assert "No method is 3 places" in notes
    swapped = dict(zip(reversed(names), same.values(), strict=True))
    table = order_table(found(swapped))
    assert "-1.00" in table.notes[0]
    assert f"{names[0]} is 6 of 6 here and 1 there" in table.notes[1]
    assert [row[1] for row in table.rows] == list("123456")


def test_scales_have_names_of_their_own():
    names = {scale_of("cpu", False).name, scale_of("gpu", False).name}
    assert len(names | {scale_of("cpu", True).name}) == 3
    assert scale_of("cpu", False).long == 40


def test_images_stand_alone(tmp_path, capsys):
    arguments = ["methods", "--data", str(tmp_path), "--only", "images,adult"]
    with pytest.raises(SystemExit):
        main(arguments)
    assert "run it alone" in capsys.readouterr().err
