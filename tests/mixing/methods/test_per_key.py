"""PerKey: one plan, and a choice per part of the input."""

from collections import namedtuple

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import (
    CutMix,
    FeatureSwap,
    ManifoldMixup,
    MixContext,
    Mixup,
    PerKey,
    RegMixup,
    Repeat,
    resolve_method,
)
from tests.builders import generator


def slow_part(own, other, lam, how):
    """Mix two rows by the words of the docstring, one number at a time."""
    mixed = own.clone().flatten()
    for i, (a, b) in enumerate(
        zip(own.flatten().tolist(), other.flatten().tolist(), strict=True)
    ):
        if how == "blend":
            mixed[i] = lam * a + (1 - lam) * b
        elif how == "majority":
            mixed[i] = a if lam >= 0.5 else b
        elif how == "union":
            mixed[i] = a if lam == 1 else b if lam == 0 else max(a, b)
    return mixed.view_as(own)


def parts(n_rows=6):
    source = generator(1)
    return {
        "image": torch.rand(n_rows, 2, 5, 4, generator=source),
        "mask": torch.rand(n_rows, 7, generator=source) < 0.5,
        "counts": torch.randint(0, 9, (n_rows, 3), generator=source),
        "floats": torch.rand(n_rows, generator=source),
    }


@pytest.mark.parametrize(
    "inner", [Mixup(1.0, fold=False), Mixup(1.0, per="row", fold=False, p=0.7)]
)
@pytest.mark.parametrize(
    ("key", "how"),
    [
        ("floats", "blend"),
        ("image", "blend"),
        ("counts", "majority"),
        ("mask", "majority"),
        ("mask", "union"),
        ("counts", "union"),
        ("floats", "union"),
        ("counts", "keep"),
    ],
)
def test_each_choice_is_what_it_says(inner, key, how):
    x = {key: parts()[key], "other": torch.rand(6, 2)}
    for seed in range(6):
        plan = PerKey(inner, how={key: how}).draw(x, generator=generator(seed))
        mixed = plan.apply(x)[key]
        for i in range(6):
            own, other = x[key][i], x[key][plan.partner[i]]
            expected = slow_part(own, other, float(plan.lam[i]), how)
            assert_close(mixed[i], expected)
            assert mixed.dtype == x[key].dtype


def test_what_is_not_named_is_mixed_as_the_method_does():
    x, how = parts(), {"counts": "majority", "mask": "union", "floats": "blend"}
    plan = PerKey(CutMix(), how=how).draw(x, generator=generator())
    plain = CutMix().draw(x["image"], generator=generator())
    mixed = plan.apply(x)
    assert list(mixed) == list(x)
    assert torch.equal(mixed["image"], plain.apply(x["image"]))
    assert_close(plan.lam, plain.lam)


def test_the_method_sees_a_tensor_that_it_mixes():
    # The first tensor is no image, and CutMix would refuse it.
    x = {"mask": parts()["mask"], "image": parts()["image"]}
    mixed = PerKey(CutMix(), how={"mask": "union"}).draw(x).apply(x)
    assert mixed["image"].shape == (6, 2, 5, 4)


def test_all_parts_share_partners_and_lambda():
    rows = torch.eye(6)
    x = {"a": rows, "b": rows.double().view(6, 6, 1), "ids": torch.arange(6)}
    how = {"b": "blend", "ids": "keep"}
    plan = PerKey(Mixup(1.0), how=how).draw(x, generator=generator())
    mixed = plan.apply(x)
    assert_close(mixed["a"].double(), mixed["b"].squeeze(2), check_dtype=False)
    assert_close(plan.targets(x["ids"], 6), mixed["a"])


@pytest.mark.parametrize("kind", [tuple, list, namedtuple("Pair", "left right")._make])
def test_positions_name_the_parts_of_a_tuple(kind):
    x = kind((torch.rand(4, 2), torch.arange(4)))
    plan = PerKey(Mixup(1.0), how={1: "majority"}).draw(x, generator=generator())
    mixed = plan.apply(x)
    assert type(mixed) is type(x)
    assert torch.equal(mixed[0], plan.inner.apply(x[0]))
    assert torch.equal(mixed[1], x[1])


def test_a_method_that_goes_by_keys_sees_the_keys():
    # Two tensors of one table, of which the second holds the columns 1 and 2.
    x = torch.rand(6, 1), torch.arange(6), torch.rand(6, 2)
    columns = {0: torch.tensor([0]), 2: torch.tensor([1, 2])}
    method = PerKey(FeatureSwap(1.0, per="row"), how={1: "keep"})
    context = MixContext(columns=columns)
    plan = method.draw(x, generator=generator(), context=context)
    mixed = plan.apply(x)
    own = (mixed[0] == x[0]).sum(1) + (mixed[2] == x[2]).sum(1)
    assert_close(own / 3, plan.lam)
    assert torch.equal(mixed[1], x[1])


def test_a_part_may_hold_parts():
    x = {"a": (torch.rand(4, 2), torch.rand(4, 3)), "ids": torch.arange(4)}
    mixed = PerKey(how={"ids": "keep"}).draw(x).apply(x)
    assert [part.shape for part in mixed["a"]] == [(4, 2), (4, 3)]


@pytest.mark.parametrize("x", [torch.rand(4, 2), {"a": torch.rand(4, 2)}])
def test_without_choices_it_is_the_method(x):
    mixed = PerKey(Mixup(1.0)).draw(x, generator=generator()).apply(x)
    assert_close(mixed, Mixup(1.0).draw(x, generator=generator()).apply(x))


@pytest.mark.parametrize("inner", [Repeat(Mixup(1.0), k=2), RegMixup()], ids=repr)
def test_parts_keep_up_with_more_rows(inner):
    x = {k: v for k, v in parts().items() if k != "image"}
    x["again"] = x["floats"]
    how = {"mask": "union", "counts": "majority", "again": "blend"}
    plan = PerKey(inner, how=how).draw(x, generator=generator())
    mixed = plan.apply(x)
    assert {key: len(value) for key, value in mixed.items()} == dict.fromkeys(x, 12)
    assert_close(mixed["again"], mixed["floats"])
    assert torch.equal(mixed["counts"], x["counts"][plan.rows])
    assert plan.targets(torch.arange(6), 6).shape == (12, 6)


def test_clean_rows_take_nothing_of_the_partners_mask():
    # A token of the partner that is not there must not be attended to.
    x = {"x": torch.rand(40, 2), "mask": parts(40)["mask"]}
    inner = Mixup(1.0, per="row", p=0.5)
    plan = PerKey(inner, how={"mask": "union"}).draw(x, generator=generator())
    clean = plan.lam == 1
    assert 0 < int(clean.sum()) < 40
    assert torch.equal(plan.apply(x)["mask"][clean], x["mask"][clean])


@pytest.mark.parametrize("inner", [Mixup(0), Mixup(p=0)], ids=repr)
def test_a_batch_that_is_not_mixed_stays_as_it_is(inner):
    x = parts()
    plan = PerKey(inner, how={"counts": "majority", "mask": "union"}).draw(x)
    assert plan.is_identity
    assert PerKey(Mixup(0)).never_mixes


def test_parts_are_not_changed():
    x = parts()
    before = {key: value.clone() for key, value in x.items()}
    how = {"image": "blend", "counts": "majority", "mask": "union"}
    mixed = PerKey(Mixup(1.0), how=how).draw(x).apply(x)
    for key, value in x.items():
        assert torch.equal(value, before[key])
        assert mixed[key] is not value


def test_token_ids_are_not_blended():
    x = {"ids": torch.arange(8).view(4, 2), "x": torch.rand(4, 2)}
    with pytest.raises(TypeError, match="Mix their embedding"):
        PerKey(how={"ids": "blend"}).draw(x).apply(x)
    with pytest.raises(TypeError, match="Mix their embedding"):
        PerKey(how={"x": "keep"}).draw(x).apply(x)


@pytest.mark.parametrize(
    ("x", "known"),
    [({"a": torch.rand(4, 2)}, r"\['a'\]"), ((torch.rand(4, 2),), r"\[0\]")],
)
def test_a_key_that_the_input_lacks_is_an_error(x, known):
    method = PerKey(how={"b": "keep"})
    with pytest.raises(ValueError, match=rf"the key 'b'.*it has\s+{known}"):
        method.draw(x)
    plan = method.draw({"b": torch.rand(4, 2)}, generator=generator())
    with pytest.raises(ValueError, match="the key 'b'"):
        plan.apply(x)


def test_one_tensor_has_no_keys():
    with pytest.raises(TypeError, match=r"needs a dict, tuple or list.*Leave how out"):
        PerKey(how={"b": "keep"}).draw(torch.rand(4, 2))


def test_a_hidden_layer_has_no_keys():
    method = PerKey(ManifoldMixup(layers=["body"]), how={"a": "keep"})
    with pytest.raises(ValueError, match="hidden layer 'body'"):
        method.draw({"a": torch.rand(4, 2)}, generator=generator())


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"a": "sum"}, ValueError, r"how\['a'\] must be one of .*got 'sum'"),
        (["keep"], TypeError, "how must be a dict"),
    ],
)
def test_wrong_choices_are_named(how, error, message):
    with pytest.raises(error, match=message):
        PerKey(how=how).validate()


def test_parameters_of_the_method_are_reached():
    assert resolve_method("per_key", alpha=0.3).method.alpha == 0.3
    method = resolve_method(
        PerKey(CutMix()), overrides={"method__alpha": 0.5, "how": {"a": "keep"}}
    )
    assert (method.method.alpha, method.how) == (0.5, {"a": "keep"})


def test_raw_columns_can_be_mixed_where_values_only_move():
    x = {"a": torch.rand(4, 1, 3, 3), "ids": torch.arange(4)}
    # Not the global generator, of which another order of tests draws no box at all.
    moves, blends = (
        PerKey(CutMix(), how=how).draw(x, generator=generator())
        for how in ({"ids": "majority"}, {"ids": "majority", "a": "blend"})
    )
    assert moves.pastes == moves.inner.pastes
    assert not blends.pastes


# -- bugs of peers -------------------------------------------------------------------


def test_every_input_is_mixed_when_the_labels_are():
    # torchvision passes a second tensor on unmixed, with a mixed label.
    x = torch.eye(4), torch.eye(4)
    mixed, targets = PerKey(Mixup(1.0))(x, torch.arange(4), n_classes=4)
    for part in mixed:
        assert_close(part, targets)


def test_an_empty_box_leaves_every_part_as_it_is():
    x = {"image": torch.rand(4, 1, 8, 8), "table": torch.rand(4, 3)}
    method = PerKey(CutMix(1.0, p=0.0), how={"table": "blend"})
    mixed = method.draw(x, generator=generator()).apply(x)
    assert all(torch.equal(mixed[key], x[key]) for key in x)
