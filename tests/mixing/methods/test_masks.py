"""What all methods have in common that paste or blend places of an image."""

from functools import partial

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import CutMix, FMix, GridMix, ResizeMix, SmoothMix
from tests.builders import generator
from tests.mixing.builders import streams

SIZES = [(9,), (6, 5), (6, 7), (5, 4, 7)]
SOFT_FMIX = partial(FMix, max_soft=0.3)
METHODS = {
    "cutmix": CutMix,
    "fmix": FMix,
    "soft_fmix": SOFT_FMIX,
    "gridmix": GridMix,
    "resizemix": ResizeMix,
    "smoothmix": SmoothMix,
}
# No row of these is left as it is by chance.
SURE = METHODS | {
    "cutmix": partial(CutMix, minmax=(0.8, 0.9)),
    "folded_cutmix": partial(CutMix, minmax=(0.8, 0.9), fold=True),
    "fmix": partial(FMix, 50.0),
    "soft_fmix": partial(SOFT_FMIX, 50.0),
    "gridmix": partial(GridMix, 50.0, n_cells=6),
}


def every(methods):
    return pytest.mark.parametrize("method", methods.values(), ids=list(methods))


# -- input ----------------------------------------------------------------------------


@every(METHODS)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_the_input_stays_as_it_is(method, per):
    # mmpretrain: box methods write into the caller's tensor.
    x = torch.rand(4, 2, 8, 8)
    before = x.clone()
    method(per=per).draw(x, generator=generator()).apply(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("method", [CutMix, FMix, GridMix])
@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.half])
def test_hard_edges_paste_pixels_of_any_dtype(method, per, dtype):
    x = torch.randint(0, 2, (4, 1, 6, 6)).to(dtype)
    plan = method(per=per).draw(x, generator=generator())
    assert not method().blends
    assert plan.apply(x).dtype == dtype
    assert torch.equal(plan.apply(x).long(), plan.apply(x.long()))


@pytest.mark.parametrize("method", [SOFT_FMIX, SmoothMix])
def test_soft_edges_do_not_blend_codes(method):
    x = torch.randint(0, 9, (4, 1, 6, 6))
    assert method().blends
    with pytest.raises(TypeError, match="of dtype torch"):
        method().draw(x, generator=generator()).apply(x)


@every(METHODS)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_tables_are_refused_with_the_way_out(method, per):
    name = type(method()).__name__
    with pytest.raises(
        ValueError, match=rf"{name} .*got shape \(4, 3\)\. .* use Mixup"
    ):
        method(per=per).draw(torch.rand(4, 3))


@every(METHODS)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_a_plan_refuses_images_of_another_size(method, per):
    # The share pasted would not be the share of the label.
    plan = method(per=per).draw(torch.rand(4, 1, 8, 8), generator=generator())
    for side in (6, 16):
        with pytest.raises(ValueError, match="places of shape \\(8, 8\\)"):
            plan.apply(torch.rand(4, 1, side, side))


# -- rows -----------------------------------------------------------------------------


@every(SURE)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_a_row_that_is_its_own_partner_stays_clean(method, per):
    def own(n_rows, **_):
        return torch.tensor([0, 2, 1])

    x = torch.rand(3, 1, 6, 6)
    plan = method(per=per, pairing=own).draw(x, generator=generator())
    assert float(plan.lam[0]) == 1
    assert float(plan.lam[1:].max()) < 1
    assert torch.equal(plan.apply(x)[0], x[0])


@every(SURE)
@pytest.mark.parametrize("p", [0.3, 0.4])
def test_rows_are_left_bit_for_bit_with_probability_one_minus_p(method, p):
    x = torch.rand(400, 1, 6, 5)
    plan = method(per="row", p=p).draw(x, generator=generator())
    clean = plan.lam == 1
    assert float(clean.float().mean()) == pytest.approx(1 - p, abs=0.06)
    assert torch.equal(plan.apply(x)[clean], x[clean])


# -- draws ----------------------------------------------------------------------------


@every(METHODS)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_p_moves_no_other_draw(method, per):
    x, states = torch.rand(5, 1, 8, 8), []
    for p in (1.0, 0.4, 0):
        source = streams(7)
        method(p=p, per=per).draw(x, generator=source)
        states.append([stream.get_state() for stream in source])
    for state in states[1:]:
        assert all(map(torch.equal, state, states[0]))


@pytest.mark.parametrize(
    "method", [CutMix, partial(CutMix, minmax=(0.2, 0.5)), FMix, SOFT_FMIX, GridMix]
)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_alpha_and_p_move_no_other_draw(method, per):
    x, states = torch.rand(5, 1, 8, 8), []
    for alpha, p in [(1.0, 1.0), (0.2, 1.0), (0, 1.0), (1.0, 0.3), (1.0, 0)]:
        source = streams(7)
        method(alpha, p=p, per=per).draw(x, generator=source)
        states.append([stream.get_state() for stream in source[1:]])
    for state in states[1:]:
        assert all(map(torch.equal, state, states[0]))


# -- compiled code --------------------------------------------------------------------


@every(METHODS)
@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_compiled_code_serves_every_plan(method, per, size, compiled):
    step = compiled(lambda plan, x: plan.apply(x))
    x = torch.rand(4, 2, *size)
    for seed in range(4):
        plan = method(per=per).draw(x, generator=generator(seed))
        # Resizing sums products, which compiled code may round otherwise.
        exact = {} if method is ResizeMix else {"rtol": 0, "atol": 0}
        assert_close(step(plan, x), plan.apply(x), **exact)
