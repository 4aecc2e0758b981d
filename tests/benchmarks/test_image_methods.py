"""``methods --only images``: which methods take part, and both orders side by side."""

from __future__ import annotations

import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.claims.cell import Cell
from benchmarks.claims.image_methods import (
    VIT,
    candidates,
    costs,
    is_spared,
    nets_of,
    scale_of,
    trainings,
    trials,
)
from benchmarks.claims.image_vit import SmallVit
from benchmarks.claims.scales import QUICK
from benchmarks.suites.methods_images import PUBLISHED, order_table, report_of
from sk_mixup.mixing import TransMix, list_methods, mix_layer

NET = QUICK.net


def found(accuracies, n_seeds=2):
    return {
        name: [
            {
                "accuracy": value + 0.001 * seed,
                "log_loss_tempered": 1.0 - value,
                "ece": 0.1,
                "ece_tempered": 0.05,
                "epoch_seconds": 1.0,
                "epoch_cpu_seconds": 1.0,
                "seed": seed,
                "commit": "abc",
            }
            for seed in range(n_seeds)
        ]
        for name, value in accuracies.items()
    }


def done(accuracies, net=NET, seconds=None):
    """Finished cells of two seeds."""
    names = [name for name in accuracies if name != "none"]
    results = found(accuracies)
    return {
        cell: results[cell.setting][cell.seed]
        | {"epoch_cpu_seconds": (seconds or {}).get(cell.setting, 1.0)}
        for cell in trainings({net: names}, QUICK)
    }


def test_every_method_is_tried_and_the_first_seeds_come_first():
    tried = [c.setting for c in trials(QUICK) if dict(c.of)["net"] == NET]
    assert tried == list(list_methods())
    cells = trainings({NET: ["mixup", "cutmix"], VIT: ["trans_mix"]}, QUICK)
    assert [(c.setting, c.seed) for c in cells[:6]] == [
        *(("none", 0), ("mixup", 0), ("cutmix", 0), ("none", 0), ("trans_mix", 0)),
        ("none", 1),
    ]


def test_the_transformer_is_for_methods_that_read_attention():
    assert nets_of(QUICK) == (NET, VIT)
    assert candidates(VIT) == [
        *("mixup", "cutmix"),
        *("trans_mix", "token_mix", "merge_mix"),
    ]


def test_the_transformer_shows_what_its_class_token_attends_to():
    torch.manual_seed(0)
    net, x, y = SmallVit(), torch.rand(8, 3, 32, 32), torch.arange(8)
    plan = TransMix(ratio=0.0).draw(x, y)
    with mix_layer(net, plan) as mixed:
        assert net(plan.apply(x)).shape == (8, 10)
    told = mixed.plan.label_lam
    assert len(told.unique()) > 1
    # A net that knows nothing yet attends to all places nearly alike.
    others = plan.partner != torch.arange(8)
    torch.testing.assert_close(told[others], plan.lam[others], atol=0.1, rtol=0)


def test_a_third_seed_is_spared_where_the_first_took_long():
    cells = done({"none": 0.5, "co_mixup": 0.6, "mixup": 0.6}, seconds={"co_mixup": 5})
    assert sorted(set(costs(cells).values())) == [1.0, 5.0]
    later = [
        Cell("method", name, seed, next(iter(cells)).of)
        for name in ("mixup", "co_mixup", "f_mix")
        for seed in (1, 2)
    ]
    spared = [(c.setting, c.seed) for c in later if is_spared(c, cells)]
    assert spared == [("co_mixup", 2)]
    notes = " ".join(report_of(cells, {NET: {}}, QUICK, []).tables[0].notes)
    assert "more than 4 times none's: co_mixup (5.0 times)." in notes


def test_what_does_not_suit_is_left_out_with_its_reason():
    why = {NET: {"c_mixup": "ValueError: no.", "mixup": None}}
    report = report_of(done({"none": 0.5}), why, QUICK, [])
    assert report.tables[-1].rows == [["c_mixup, ResNet-8", "ValueError: no."]]


def test_each_net_has_tables_of_its_own():
    scores = {"none": 0.5, "cutmix": 0.6, "trans_mix": 0.7, "merge_mix": 0.65}
    cells = {**done({"none": 0.5, "mixup": 0.6}), **done(scores, VIT)}
    tables = {t.title: t for t in report_of(cells, {}, QUICK, []).tables}
    assert [row[0] for row in tables["CIFAR-10, ResNet-8: scores"].rows] == [
        *("mixup", "none")
    ]
    over = tables["What attention adds to CutMix"].rows
    assert [row[:2] for row in over] == [["trans_mix", "+0.55"], ["merge_mix", "-"]]
    assert over[0][2].startswith("+10.00")


def test_the_order_says_where_it_differs():
    names = sorted(PUBLISHED, key=lambda name: -PUBLISHED[name])[:6]
    same = {name: 0.6 - 0.01 * i for i, name in enumerate(names)}
    notes = " ".join(order_table(found(same), NET).notes)
    assert "Rank correlation of both orders: +1.00" in notes
    assert "No method is 3 places" in notes
    swapped = dict(zip(reversed(names), same.values(), strict=True))
    table = order_table(found(swapped), NET)
    assert "-1.00" in table.notes[0]
    assert f"{names[0]} is 6 of 6 here and 1 there" in table.notes[1]
    assert [row[1] for row in table.rows] == list("123456")
    assert (
        "tell 15 apart here, 0 in the published order and 15 the other"
        in (table.notes[2])
    )


def test_scales_have_names_of_their_own():
    names = {scale_of("cpu", False).name, scale_of("gpu", False).name}
    assert len(names | {scale_of("cpu", True).name}) == 3
    assert scale_of("cpu", False).long == 40


def test_images_stand_alone(tmp_path, capsys):
    arguments = ["methods", "--data", str(tmp_path), "--only", "images,adult"]
    with pytest.raises(SystemExit):
        main(arguments)
    assert "run it alone" in capsys.readouterr().err
