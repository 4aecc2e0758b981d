"""What the shorthand call of a method can do: mix the input, with known labels."""

from __future__ import annotations

from sk_mixup.mixing.plans import MixPlan


def check_called(name: str, plan: MixPlan) -> None:
    """Check that a plan is for the input, and knows the weights of the labels.

    Parameters
    ----------
    name : str
        What the message calls the method.
    plan : MixPlan

    Raises
    ------
    ValueError
        If the net must run for either.
    """
    if plan.site is not None:
        raise ValueError(
            f"{name} drew the hidden layer {plan.site!r}, which a call on the input"
            " cannot mix. Use plan = method.draw(x, y, ...) and run the net inside"
            " `with mix_layer(module, plan):`."
        )
    if plan.weighs_late:
        raise ValueError(
            f"{name} learns the weights of labels from the net while it runs, which a"
            " call on the input cannot do. Use plan = method.draw(x, y, ...), run the"
            " net on plan.apply(x) inside `with mix_layer(module, plan) as mixed:`, and"
            " take mixed.plan.targets(y, n_classes)."
        )
