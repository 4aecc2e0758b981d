"""Training what is ready: packs one after another, everything else on its own."""

from __future__ import annotations

import numbers
import time
from collections import Counter
from collections.abc import Hashable, Sequence

from sk_mixup import training as engine
from sk_mixup.estimators.checkpoints import Checkpoint
from sk_mixup.exceptions import warn_caller
from sk_mixup.model_selection._checkpoints import PackState, SearchFolder
from sk_mixup.model_selection._halving import Halving, HalvingRule
from sk_mixup.model_selection._members import Member
from sk_mixup.model_selection._watch import Watch
from sk_mixup.training.packing import FOLDS_OF_MEMBERS, gains

#: Why nets are fitted one by one where several processes do it.
NO_GAIN = "nets of this size gain nothing by being trained together"


class InterruptedFit(RuntimeError):
    """A fit of a search that was interrupted before it was done."""


def train_members(
    members: Sequence[Member],
    *,
    memory_limit: int | None = None,
    halving: HalvingRule | None = None,
    verbose: int = 0,
    may_interrupt: bool = True,
    folder: SearchFolder | None = None,
) -> tuple[bool, dict[int, int]]:
    """Run all trainings that are ready, those of one kind together.

    Parameters
    ----------
    members : sequence of Member
        Fitted in place, or given their errors.
    memory_limit : int or None
        Bytes that a pack may take.
    halving : HalvingRule or None
    verbose : int
    may_interrupt : bool
        Whether finished fits are kept after Ctrl-C.
    folder : SearchFolder or None
        Where packs are stored.

    Returns
    -------
    interrupted : bool
        Whether Ctrl-C ended it.
    dropped : dict of int to int
        Candidates that were dropped, and after how many epochs.

    Raises
    ------
    KeyboardInterrupt
        If nothing is finished, or nothing is to be kept.
    """
    packs: dict[Hashable, list[Member]] = {}
    for member in members:
        if member.training is not None:
            packs.setdefault(engine.pack_key(member.pack), []).append(member)
    if halving is not None:
        _check_validated(packs)
    dropped: dict[int, int] = {}
    interrupted = False
    for number, pack in enumerate(packs.values()):
        title = f"pack {number + 1} of {len(packs)}" if verbose > 0 else None
        if not interrupted:
            kept = None if folder is None else folder.of_pack(pack)
            if kept is not None and _read_pack(pack, kept, dropped):
                continue
            interrupted = _train_pack(pack, memory_limit, halving, title, dropped, kept)
    if interrupted:
        if not may_interrupt:
            raise KeyboardInterrupt
        _note_interrupted(members)
    return interrupted, dropped


def _read_pack(pack: list[Member], kept: Checkpoint, dropped: dict[int, int]) -> bool:
    """Let a pack be as an earlier process has trained it; return whether one has."""
    state = PackState(pack, dropped)
    found = kept.newest(state)
    if found is None:
        return False
    state.put(found)
    for member in pack:
        _finish(member)
    return True


def _train_pack(
    pack: list[Member],
    memory_limit: int | None,
    halving: HalvingRule | None,
    title: str | None,
    dropped: dict[int, int],
    kept: Checkpoint | None,
) -> bool:
    """Train a pack, and return whether that was interrupted."""
    start = time.perf_counter()
    drops = None
    if halving is not None:
        n_epochs = max(member.pack.n_epochs for member in pack)
        drops = Halving(
            halving, [member.candidate for member in pack], n_epochs, dropped
        )
    watch = Watch(pack, drops, title=title)
    interrupted = False
    try:
        errors = engine.train_together(
            [member.pack for member in pack],
            memory_limit=memory_limit,
            after_epoch=watch,
            in_step=drops is not None,
        )
        finished = list(range(len(pack)))
    except KeyboardInterrupt:
        interrupted = True
        errors = [None] * len(pack)
        finished = [i for i in range(len(pack)) if watch.has_finished(i)]
    watch.close()
    seconds = (time.perf_counter() - start) / len(pack)
    for number in finished:
        pack[number].error = errors[number]
        pack[number].seconds += seconds
    if drops is not None:
        dropped.update(drops.dropped)
    if kept is not None and not interrupted:
        kept.write(PackState(pack, dropped), finished=True)
    for number in finished:
        _finish(pack[number])
    return interrupted


def _finish(member: Member) -> None:
    training = member.training
    assert training is not None
    training.end()
    member.training = member.pack = None
    if member.error is None:
        try:
            member.net._become(training)
        except Exception as error:
            member.error = error


def _note_interrupted(members: Sequence[Member]) -> None:
    finished = sum(member.is_fitted for member in members)
    if not finished:
        raise KeyboardInterrupt
    for member in members:
        if member.training is not None or member.reason is not None:
            member.training = member.pack = member.reason = None
            member.error = InterruptedFit(
                "The search was interrupted before this fit was done."
            )
    warn_caller(
        f"The search was interrupted: {finished} of {len(members)} fits are finished"
        " and scored, the others have error_score."
    )


def _check_validated(packs: dict[Hashable, list[Member]]) -> None:
    for pack in packs.values():
        for member in pack:
            if member.pack.valid is None:
                raise ValueError(
                    "halving compares candidates by their validation loss, and a fit"
                    " holds out no validation part. Say early_stopping=True (with"
                    " 'auto' it needs 500 rows per fold), or halving=None."
                )


def leave_alone(members: Sequence[Member]) -> None:
    """Let members that gain nothing in a pack be fitted one by one.

    Several processes do that faster than this one does it in a pack.

    Parameters
    ----------
    members : sequence of Member
        Not trained yet.
    """
    for member in members:
        if member.pack is not None and not gains(member.pack):
            member.training = member.pack = None
            member.reason = NO_GAIN


def warn_of_lone_fits(
    members: Sequence[Member], searcher: str, verbose: int = 0
) -> None:
    """Say once which fits cannot be trained together, and why."""
    reasons = Counter(member.reason for member in members if member.reason is not None)
    # The default for tables: nobody can do anything about it, nor would gain by it.
    known = {why: reasons.pop(why, 0) for why in (FOLDS_OF_MEMBERS, NO_GAIN)}
    for why, n_fits in known.items():
        if verbose > 0 and n_fits:
            print(f"{n_fits} of {len(members)} fits run one by one: {why}")
    n_alone = sum(reasons.values())
    if not n_alone:
        return
    which = (
        "None of the fits"
        if n_alone == len(members)
        else f"{n_alone} of {len(members)} fits"
    )
    verb = "can" if n_alone == len(members) else "cannot"
    warn_caller(
        f"{which} of this {searcher} {verb} be trained together with others, so they"
        f" run one by one as in scikit-learn's searches (n_jobs helps):"
        f" {'; '.join(map(str, reasons))}."
    )


def check_memory_limit(limit: int | None) -> None:
    """Check that a limit is None or a positive number of bytes.

    Raises
    ------
    ValueError
    """
    if limit is None:
        return
    if not isinstance(limit, numbers.Integral) or isinstance(limit, bool) or limit < 1:
        raise ValueError(
            f"memory_limit must be None or a positive number of bytes; got {limit!r}."
            " One GB is 10**9."
        )
