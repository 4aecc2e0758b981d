"""How `mix`, `alpha` and `mix__*` are read."""

import inspect

import pytest
import torch

from sk_mixup.mixing import (
    CutMix,
    ManifoldMixup,
    Mixup,
    OneOf,
    list_methods,
    resolve_method,
)


def test_short_names_stand_for_methods():
    classes = {name: info.method for name, info in list_methods().items()}
    wanted = {"cutmix": CutMix, "manifold": ManifoldMixup, "mixup": Mixup}
    assert wanted.items() <= classes.items()


@pytest.mark.parametrize("name", list_methods())
def test_the_list_tells_class_group_paper_and_defaults(name):
    info = list_methods()[name]
    assert info.short_name == info.method.short_name == name
    assert info.group
    assert info.paper
    assert info.cost
    assert info.defaults.keys() == info.method().get_params(deep=False).keys()
    assert name in repr(list_methods())


@pytest.mark.parametrize("name", ["manifold_mixup", "ManifoldMixup", "manifold"])
def test_a_method_goes_by_several_spellings(name):
    assert type(resolve_method(name)) is ManifoldMixup


def test_the_list_of_methods_is_a_copy():
    list_methods().clear()
    assert list_methods()


@pytest.mark.parametrize(
    ("name", "kind", "alpha"),
    [("mixup", Mixup, 0.2), ("cutmix", CutMix, 1.0), ("manifold", ManifoldMixup, 2.0)],
)
def test_a_name_has_the_default_alpha_of_its_method(name, kind, alpha):
    method = resolve_method(name)
    assert type(method) is kind
    assert method.alpha == alpha


def test_alpha_belongs_to_a_name():
    assert resolve_method("mixup", alpha=0.7).alpha == 0.7


def test_overrides_set_parameters():
    method = resolve_method("mixup", overrides={"alpha": 0.9, "per": "row"})
    assert (method.alpha, method.per) == (0.9, "row")


def test_an_object_is_copied():
    mine = Mixup(0.3)
    assert resolve_method(mine, overrides={"alpha": 0.5}).alpha == 0.5
    assert mine.alpha == 0.3


def test_a_list_is_one_of_its_methods():
    mine = CutMix(0.5)
    method = resolve_method(
        ["mixup", mine], alpha=0.4, overrides={"1__alpha": 0.6, "p": [0.5, 0.1]}
    )
    assert isinstance(method, OneOf)
    assert [m.alpha for m in method.methods] == [0.4, 0.6]
    assert method.p == [0.5, 0.1]
    assert mine.alpha == 0.5


def test_none_mixes_nothing():
    assert resolve_method(None, alpha=0.2) is None


def test_none_has_no_parameters():
    with pytest.raises(ValueError, match="mix=None does not mix, so mix__per"):
        resolve_method(None, overrides={"per": "row"})


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"mix='mixpu'.*Did you mean 'mixup'"):
        resolve_method("mixpu")


def test_an_unknown_name_in_a_list_is_found():
    with pytest.raises(ValueError, match=r"mix='cutmx'.*Did you mean 'cutmix'"):
        resolve_method(["mixup", "cutmx"])


def test_alpha_beside_an_object_names_the_nested_parameter():
    with pytest.raises(ValueError, match=r"alpha=0\.5 .*Say mix__alpha"):
        resolve_method(Mixup(), alpha=0.5)


def test_alpha_beside_a_list_of_objects_names_the_nested_parameter():
    with pytest.raises(ValueError, match=r"alpha=0\.5 .*Say mix__0__alpha"):
        resolve_method([Mixup(), CutMix()], alpha=0.5)


@pytest.mark.parametrize("mix", [3, Mixup, object()])
def test_what_is_no_method_is_refused(mix):
    with pytest.raises(TypeError, match="mix must be a short name, a method object"):
        resolve_method(mix)


def test_an_unknown_parameter_is_named():
    with pytest.raises(ValueError, match=r"mix__alhpa: Mixup has no parameter 'alhpa'"):
        resolve_method("mixup", overrides={"alhpa": 1})


@pytest.mark.parametrize("name", ["mixup", "cutmix", "manifold"])
@pytest.mark.parametrize(
    ("alpha", "error", "got"),
    [
        (-0.1, ValueError, r"-0\.1"),
        (float("nan"), ValueError, "nan"),
        (float("inf"), ValueError, "inf"),
        ("0.2", TypeError, "'0.2' of type str"),
        (True, TypeError, "True of type bool"),
    ],
)
def test_a_wrong_alpha_is_named(name, alpha, error, got):
    with pytest.raises(error, match=f"alpha must be a number of at least 0; got {got}"):
        resolve_method(name, alpha=alpha)


@pytest.mark.parametrize("name", ["mixup", "cutmix", "manifold"])
@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_p_outside_its_range_is_named(name, p):
    with pytest.raises(ValueError, match=f"p must be .* between 0 and 1; got {p}"):
        resolve_method(name, overrides={"p": p})


@pytest.mark.parametrize("key", ["off_first", "off_last"])
def test_a_negative_number_of_epochs_is_named(key):
    with pytest.raises(ValueError, match=f"{key} must be a number of at least 0"):
        resolve_method("mixup", overrides={key: -1})


def test_parameters_are_stored_as_given_and_checked_when_used():
    method = Mixup(alpha=-1)
    assert method.alpha == -1
    with pytest.raises(ValueError, match="alpha must be"):
        method.draw(torch.rand(4, 2))


@pytest.mark.parametrize("method", [Mixup(), CutMix(), ManifoldMixup()], ids=repr)
def test_a_method_is_its_parameters(method):
    same = type(method)(**method.get_params())
    assert same.get_params() == method.get_params()


def test_a_method_shows_alpha_and_what_is_not_default():
    assert repr(Mixup(per="row")) == "Mixup(alpha=0.2, per='row')"


@pytest.mark.parametrize("name", sorted(list_methods()))
def test_help_on_a_method_begins_its_sections_at_the_margin(name):
    lines = inspect.getdoc(list_methods()[name].method).splitlines()
    sections = {"Parameters", "References", "Examples"}
    found = [line for line in lines if line.strip() in sections]
    assert found == [line.strip() for line in found]
    assert {"Parameters", "Examples"} <= set(found)
