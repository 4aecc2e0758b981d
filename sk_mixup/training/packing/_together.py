"""Train members of one key, in as few packs as memory allows."""

from __future__ import annotations

from collections.abc import Sequence

from sk_mixup.training.feeds import keep_memory
from sk_mixup.training.packing._crew import AfterEpoch, Crew
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._memory import (
    available_bytes,
    member_bytes,
    sizes_of_packs,
)
from sk_mixup.training.setup import start_run


def train_together(
    members: Sequence[PackMember],
    *,
    memory_limit: int | None = None,
    after_epoch: AfterEpoch | None = None,
    in_step: bool = False,
) -> list[BaseException | None]:
    """Train members of one key as one training.

    Afterwards every net is as after a training of its own: its weights (the best ones,
    with early stopping), its history and the states of its streams. Its dropout masks
    are others (the same ones however members are split), and ``dur`` of an epoch is the
    time of the pack's epoch divided by its members.

    Parameters
    ----------
    members : sequence of PackMember
        All with the same `pack_key`, which is not None.
    memory_limit : int or None
        Bytes that a pack may take beside the data; None: half of what is free. What
        does not fit is split into packs, trained one after another.
    after_epoch : callable or None
        Called as ``after_epoch(epoch, valid_losses, active)`` after every epoch of
        every pack. `valid_losses` has an entry per member, None for those without
        validation rows and those that do not train now; `active` are the numbers of
        those that train. Returns the numbers of those that are to stop now.
    in_step : bool
        Whether `after_epoch` compares members, which then are all at the same epoch:
        weights and states of all of them stay in memory, and `memory_limit` bounds how
        many take a step at a time.

    Returns
    -------
    errors : list of BaseException or None
        What the fit of each member alone would have raised; None: it is trained.

    Raises
    ------
    KeyboardInterrupt
        After the results of the members that had finished were written.
    """
    keep_memory()
    errors: list[BaseException | None] = [None] * len(members)
    started = []
    for number, member in enumerate(members):
        try:
            start_run(member.run, member.net, member.knobs, schedule=member.schedule)
        except (TypeError, ValueError) as error:
            errors[number] = error
        else:
            started.append(number)
    if not started:
        return errors
    if memory_limit is None:
        memory_limit = available_bytes(members[0].net.place_)
    each = max(member_bytes(members[number]) for number in started)
    sizes, most = sizes_of_packs(len(started), each, memory_limit), None
    if in_step and len(sizes) > 1:
        sizes, most = [len(started)], sizes[0]
    first = 0
    for size in sizes:
        numbers = started[first : first + size]
        first += size
        crew = Crew({number: members[number] for number in numbers}, most)
        crew.train(after_epoch, len(members))
        for number, failure in crew.errors.items():
            errors[number] = failure
    return errors
