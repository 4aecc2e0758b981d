"""Partners from earlier batches."""

import copy
import pickle

import pytest
import torch
from sklearn.base import clone
from torch.testing import assert_close

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import (
    CutMix,
    ManifoldMixup,
    MemoryPairing,
    MixContext,
    Mixup,
    OneOf,
    Remix,
    Repeat,
    resolve_method,
)
from tests.builders import generator


def batches(sizes, n_classes=3):
    """Return batches whose rows are all different."""
    source, start = generator(1), 0
    for size in sizes:
        x = torch.arange(start, start + size).float().unsqueeze(1) + 1.0
        yield x, torch.randint(0, n_classes, (size,), generator=source)
        start += size


def slow_memory(seen, size):
    """Keep the last rows that were seen, one by one."""
    kept = []
    for row in seen:
        kept.append(row)
        if len(kept) > size:
            kept.pop(0)
    return kept


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_partners_come_from_the_batch_and_the_last_rows(per, size):
    method = Mixup(1.0, per=per, pairing=MemoryPairing(size))
    source, seen = generator(), []
    for x, y in batches([3, 1, 2, 9, 1, 1, 4]):
        plan = method.draw(x, y, generator=source)
        kept = slow_memory(seen, size)
        rows = [*zip(x[:, 0].tolist(), y.tolist(), strict=True), *kept]
        assert (0 if plan.pool is None else len(plan.pool[0])) == len(kept)
        mixed, targets = plan.apply(x), plan.targets(y, 3)
        for i, j in enumerate(plan.partner.tolist()):
            lam = float(plan.lam[i])
            assert j != i
            assert 0 <= j < len(rows)
            assert_close(
                mixed[i], torch.tensor([lam * rows[i][0] + (1 - lam) * rows[j][0]])
            )
            label = torch.zeros(3)
            label[rows[i][1]] += lam
            label[rows[j][1]] += 1 - lam
            assert_close(targets[i], label)
        seen += rows[: len(x)]


def test_a_batch_of_one_is_mixed_from_the_second_on():
    method = Mixup(1.0, pairing=MemoryPairing(8))
    source = generator()
    for step, (x, y) in enumerate(batches([1] * 5)):
        plan = method.draw(x, y, generator=source)
        if step == 0:
            assert plan.lam.tolist() == [1.0]
            assert torch.equal(plan.apply(x), x)
        else:
            assert float(plan.lam) < 1
            assert not torch.equal(plan.apply(x), x)


def test_all_other_rows_are_equally_likely():
    counts = torch.zeros(5)
    for seed in range(1500):
        method = Mixup(1.0, pairing=MemoryPairing(3))
        source = generator(seed)
        for x, y in batches([4, 2]):
            plan = method.draw(x, y, generator=source)
        counts[plan.partner[0]] += 1 / 1500
    assert counts[0] == 0
    assert float((counts[1:] - 0.25).abs().max()) < 0.05


def test_calling_a_method_gives_pairs_of_labels():
    method = Mixup(1.0, pairing=MemoryPairing(8))
    source = generator()
    for x, y in batches([2, 1]):
        mixed, targets = method(x, y, generator=source)
    assert mixed.shape == (1, 1)
    assert targets.y.shape == targets.y_partner.shape == targets.lam.shape == (1,)


def test_numbers_and_soft_labels_are_kept_too():
    for y in (torch.rand(2), torch.rand(2, 3)):
        method = Mixup(1.0, pairing=MemoryPairing(8))
        source = generator()
        method.draw(torch.rand(2, 2), y, generator=source)
        plan = method.draw(torch.rand(1, 2), y[:1] + 5, generator=source)
        lam = float(plan.lam)
        wanted = lam * (y[:1] + 5) + (1 - lam) * y[int(plan.partner) - 1]
        assert_close(plan.targets(y[:1] + 5), wanted)


def test_kept_rows_are_copies_without_gradient():
    method = Mixup(1.0, pairing=MemoryPairing(8))
    first = torch.zeros(1, 2, requires_grad=True)
    method.draw(first, torch.tensor([0]), generator=generator())
    with torch.no_grad():
        first.fill_(9.0)
    plan = method.draw(torch.ones(1, 2), torch.tensor([1]), generator=generator())
    assert plan.pool[0].tolist() == [[0.0, 0.0]]
    assert not plan.pool[0].requires_grad


def test_a_plan_keeps_its_own_pool():
    method = Mixup(1.0, pairing=MemoryPairing(2))
    plans = [(method.draw(x, y, generator=generator()), x) for x, y in batches([1] * 4)]
    early = plans[1][0].apply(plans[1][1])
    for x, y in batches([5, 5]):
        method.draw(x, y, generator=generator())
    assert torch.equal(plans[1][0].apply(plans[1][1]), early)


def test_rows_of_another_form_are_forgotten():
    method = Mixup(1.0, pairing=MemoryPairing(8))
    for x in (torch.rand(2, 3), torch.rand(2, 4), torch.rand(2, 4).double()):
        assert method.draw(x, torch.tensor([0, 1])).pool is None
    assert method.draw(torch.rand(2, 4).double(), torch.rand(2)).pool is None
    assert method.draw(torch.rand(2, 4).double(), torch.rand(2)).pool is not None


def test_groups_hold_in_memory_too():
    method = Mixup(1.0, pairing=MemoryPairing(8))
    source = generator()
    for group in [0, 1, 0, 1]:
        x, y = torch.full((1, 1), float(group)), torch.tensor([group])
        context = MixContext(groups=torch.tensor([group]))
        for _ in range(5):
            plan = method.draw(x + 0, y, generator=source, context=context)
            assert torch.equal(plan.apply(x), x)


def test_copies_and_pickles_start_empty():
    pairing = MemoryPairing(8)
    method = Mixup(1.0, pairing=pairing)
    for x, y in batches([4, 4]):
        method.draw(x, y)
    assert pairing.pool_ is not None
    assert pairing.get_params() == {"size": 8}
    for other in (
        copy.deepcopy(method),
        pickle.loads(pickle.dumps(method)),
        clone(method, safe=False),
        resolve_method(method),
    ):
        assert other.pairing.size == 8
        assert other.pairing.pool_ is None
        assert other.draw(x, y).pool is None


def test_memory_can_be_emptied():
    method = Mixup(1.0, pairing=MemoryPairing(8))
    for x, y in batches([4, 4]):
        method.draw(x, y)
    method.pairing.forget()
    assert method.draw(x, y).pool is None


def test_no_draw_is_made_ahead():
    assert Mixup(pairing=MemoryPairing()).reads_module
    assert OneOf([Mixup(), Mixup(pairing=MemoryPairing())]).reads_module
    assert not Mixup().reads_module


def test_several_copies_of_a_batch_do_not_meet_themselves():
    method = Repeat(Mixup(1.0, pairing=MemoryPairing(8)), k=3)
    source = generator()
    for step, (x, y) in enumerate(batches([1] * 6)):
        plan = method.draw(x, y, generator=source)
        mixed, targets = plan.apply(x), plan.targets(y, 3)
        assert len(mixed) == len(targets) == 3
        if step:
            assert not bool((mixed == x).any())


@pytest.mark.parametrize("method", [CutMix(), CutMix(per="row"), CutMix(fold=True)])
def test_boxes_come_from_memory(method):
    method = copy.deepcopy(method).set_params(pairing=MemoryPairing(4))
    shares = []
    for seed in range(8):
        x = torch.full((1, 1, 8, 8), float(seed))
        plan = method.draw(x, torch.tensor([0]), generator=generator(seed))
        own = (plan.apply(x) == seed).float().mean()
        assert_close(own, plan.lam[0])
        shares.append(float(own))
    assert shares[0] == 1
    assert min(shares) < 0.9


def test_label_rules_see_the_classes_of_kept_rows():
    method = Remix(pairing=MemoryPairing(4))
    context = MixContext(class_counts=torch.tensor([90, 10]))
    source = generator()
    for label in [0, 1] * 6:
        x, y = torch.rand(1, 2), torch.tensor([label])
        plan = method.draw(x, y, generator=source, context=context)
        if plan.pool is None:
            continue
        partner = int(plan.partner_rows(y))
        lam, rule = float(plan.lam), float(plan.label_weights[0])
        if (label, partner) == (0, 1):
            assert rule == pytest.approx(0.0 if lam < 0.5 else lam)
        elif (label, partner) == (1, 0):
            assert rule == pytest.approx(1.0 if lam > 0.5 else lam)


def test_several_inputs_are_refused():
    with pytest.raises(TypeError, match=r"MemoryPairing\(\) keeps rows of one tensor"):
        Mixup(pairing=MemoryPairing()).draw({"a": torch.rand(2, 2)})


def test_a_hidden_layer_is_refused():
    method = ManifoldMixup(layers=["body"], pairing=MemoryPairing())
    with pytest.raises(ValueError, match="ManifoldMixup drew the hidden layer 'body'"):
        method.draw(torch.rand(2, 2), torch.tensor([0, 1]))


def test_targets_that_were_not_given_to_draw_are_missed():
    method = Mixup(1.0, pairing=MemoryPairing())
    for x, _ in batches([1, 1]):
        plan = method.draw(x)
    with pytest.raises(ValueError, match="give y to every draw"):
        plan.targets(torch.tensor([0]), 3)
    method.pairing.forget()
    for x, y in batches([1, 1]):
        plan = method.draw(x, y)
    with pytest.raises(ValueError, match="of another form"):
        plan.targets(torch.eye(3)[y])


# -- estimators ----------------------------------------------------------------------


def data(n_rows=41):
    x = torch.randn(n_rows, 3, generator=generator(2))
    return x.numpy(), (x[:, 0] > 0).long().numpy()


def estimator(kind, net, **settings):
    return kind(
        net,
        mix=Mixup(1.0, pairing=MemoryPairing(8)),
        max_epochs=5,
        early_stopping=False,
        device="cpu",
        random_state=0,
        **settings,
    )


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_classifier_trains_with_memory(batch_size):
    x, y = data()
    net = torch.nn.Sequential(torch.nn.Linear(3, 2))
    first = estimator(MixupClassifier, net, batch_size=batch_size).fit(x, y)
    again = estimator(MixupClassifier, net, batch_size=batch_size)
    again = again.fit(x, y).fit(x, y)
    # Nothing of the first training is left in the second.
    assert_close(first.predict_proba(x), again.predict_proba(x), rtol=0, atol=0)


def test_memory_changes_the_training_of_single_rows():
    x, y = data()
    net = torch.nn.Sequential(torch.nn.Linear(3, 2))
    mixed = estimator(MixupClassifier, net, batch_size=1).fit(x, y)
    clean = estimator(MixupClassifier, net, batch_size=1).set_params(mix="mixup")
    clean.fit(x, y)
    assert abs(mixed.predict_proba(x) - clean.predict_proba(x)).max() > 1e-3


def test_a_regressor_trains_with_memory():
    x, _ = data()
    net = torch.nn.Sequential(torch.nn.Linear(3, 1))
    model = estimator(MixupRegressor, net, batch_size=1).fit(x, x[:, 0])
    assert model.predict(x).shape == (41,)


def test_the_table_net_is_refused_before_training():
    x, y = data()
    with pytest.raises(ValueError, match=r"MemoryPairing\(size=8\) keeps rows of the"):
        estimator(MixupClassifier, None).fit(x, y)


def test_hidden_layers_are_refused_before_training():
    x, y = data()
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    model = estimator(MixupClassifier, net)
    mix = ManifoldMixup(layers=["input", "0"], pairing=MemoryPairing())
    with pytest.raises(ValueError, match="ManifoldMixup mixes hidden layers"):
        model.set_params(mix=mix).fit(x, y)
