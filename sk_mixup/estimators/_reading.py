"""From what `fit` is given to encoded training and validation rows.

Targets, weights and columns are checked and encoded here, and rows held out, so that
what comes after knows tensors alone.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_consistent_length

from sk_mixup.estimators import files
from sk_mixup.estimators._checks import (
    check_groups,
    check_takes_masks,
    check_weight,
    drop_weightless,
)
from sk_mixup.estimators._defaults import collate_of, new_source, new_streams
from sk_mixup.estimators._features import check_features, read_features
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._going_on import changes
from sk_mixup.estimators._intake import (
    brings_targets,
    given_targets,
    new_stream,
    refuse_for_streams,
)
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators._watchers import watcher_of
from sk_mixup.estimators.sharing import Whole, rows_of
from sk_mixup.estimators.splits import hold_out, member_counts, split_problem
from sk_mixup.estimators.tasks import Task
from sk_mixup.inputs import (
    ArrayInput,
    TableInput,
    is_files,
    is_stream,
    refuse_uncountable,
)
from sk_mixup.processes import Processes
from sk_mixup.training import (
    AUTO_EARLY_STOPPING_ROWS,
    ArrayData,
    StreamData,
    TrainStreams,
    member_folds,
)

if TYPE_CHECKING:
    from sk_mixup.inputs import ParquetRows


@dataclass(frozen=True)
class FitData:
    """What a training is made of.

    Attributes
    ----------
    X, y : object
        As they were given; for scikit-learn's callbacks.
    source : input object
        Fitted.
    task : Task
    train, valid : ArrayData, StreamData or None
    streams : TrainStreams
    features : dict
        Number and names of features.
    before : Fitted or None
        What the training goes on with.
    members : tuple of int
        Members of the net, and the folds that they leave out; zeros for none.
    """

    X: Any
    y: Any
    source: Any
    task: Task
    train: ArrayData | StreamData
    valid: ArrayData | StreamData | None
    streams: TrainStreams
    features: dict[str, Any]
    before: Fitted | None = None
    members: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class GivenRows:
    """What `fit` and `partial_fit` are given.

    Attributes
    ----------
    X, y, sample_weight, X_val, y_val, sample_weight_val, groups, classes : object
        The arguments of the same names.
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    groups: Any = None
    classes: Any = None


def read(
    settings: Settings,
    given: GivenRows,
    before: Fitted | None = None,
    streams: TrainStreams | None = None,
    processes: Processes | None = None,
) -> FitData:
    """Return the data of a fit, checked and encoded.

    Parameters
    ----------
    settings : Settings
    given : GivenRows
    before : Fitted or None
        What the training goes on with; changed only where it says so.
    streams : TrainStreams or None
        None: new ones, or those of `before`.
    processes : Processes or None
        Those that the fit is shared by.
    """
    if streams is None:
        streams = streams_of(settings, before)
    given = _small_files_read(given, settings)
    X = given.X
    source = new_source(settings, streams, X) if before is None else before.source
    if isinstance(source, ArrayInput):
        source.collate = collate_of(settings)
    if is_stream(X):
        return _read_stream(settings, given, before, source, streams, processes)
    if is_files(X):
        if processes is not None:
            raise ValueError(
                "X: files of more rows than are shuffled together are read by one"
                " process. Give each process the rows of its part as a DataFrame, with"
                " distributed='parts', or train alone with distributed=None."
            )
        return _read_files(settings, given, before, source, streams)
    rows = rows_of(processes)
    table = source.check(X)
    features = _features(settings, table, before)
    y = given_targets(settings.owner_name, table, given.y)
    check_consistent_length(table, y)
    rows.check(table, y)
    weight = check_weight("sample_weight", given.sample_weight, len(table))
    groups = check_groups(given.groups, len(table))
    if before is None:
        weights = rows.all_weights(weight, len(table))
        task = settings.tasks.fit(rows.all_targets(y), weights, given.classes)
    else:
        task = settings.tasks.of(before.task.target)
        if given.classes is not None:
            task.check_same_classes(given.classes)
    if task.kind is not None and task.kind.per_pixel:
        check_takes_masks(settings.module)
    labels = task.encode(y)
    weight = rows.weighted(task, labels, weight)
    table, labels, weight, groups = drop_weightless(table, labels, weight, groups)
    if before is None and not settings.partial:
        rows.check_classes_left(task, labels)
    x = rows.encoded(source, table, fits=before is None)
    train = ArrayData(x, labels, rows.normalized(weight), groups)
    valid = _given_validation(settings, given, source, task, features, rows)
    members = 0, 0
    if valid is None and not rows.is_parts:
        members = member_counts(
            settings,
            source,
            train,
            stratified=task.stratifies,
            n_classes=task.n_classes,
            before=before,
        )
    if valid is None and not members[0] and _stops_early(settings, train, task, rows):
        train, valid = hold_out(
            train,
            settings.validation_fraction,
            seed=streams.split_seed,
            stratified=task.stratifies,
            normalize=rows.normalized,
        )
    if isinstance(source, TableInput) and before is None:
        seen = rows.seen(train.X, task.binned(train.y), train.weight)
        source.look_at_target(*seen)
    return FitData(X, y, source, task, train, valid, streams, features, before, members)


def streams_of(settings: Settings, before: Fitted | None) -> TrainStreams:
    """Return the random streams of a training: new ones, or those of `before`."""
    if before is None or _has_other_seed(settings, before):
        return new_streams(settings)
    # A copy: a training that fails must not have drawn from them.
    return copy.deepcopy(before.streams)


def _has_other_seed(settings: Settings, before: Fitted) -> bool:
    """Whether `random_state` is not what the training began with."""
    given = before.given or settings.given
    return "random_state" in changes(settings.given, given)


def in_folds(data: FitData) -> FitData:
    """Return data of which each member of the net leaves out a fold."""
    assert isinstance(data.train, ArrayData)
    train, valid = member_folds(
        data.train,
        *data.members,
        seed=data.streams.split_seed,
        stratified=data.task.stratifies,
    )
    return replace(data, train=train, valid=valid)


def _features(settings: Settings, rows: Any, before: Fitted | None) -> dict[str, Any]:
    """Return the features of a fit; those of before, where it goes on."""
    if before is None:
        return read_features(settings.owner, rows)
    check_features(settings.owner, rows, before.features)
    return before.features


def _small_files_read(given: GivenRows, settings: Settings) -> GivenRows:
    """Return what is given, files that fit their window as the tables that they are."""
    X = given.X
    if not is_files(X):
        return given
    files.refuse_beside_files(
        y=given.y, sample_weight=given.sample_weight, groups=given.groups
    )
    X.check_has_target()
    if not X.fits_window:
        return given
    frame, y = X.read_all()
    files.check_target(X, y)
    return replace(given, X=frame, y=y)


def _read_files(
    settings: Settings,
    given: GivenRows,
    before: Fitted | None,
    source: Any,
    streams: TrainStreams,
) -> FitData:
    """Return the data of files of more rows than are shuffled together."""
    rows: ParquetRows = given.X
    files.refuse_settings(settings)
    features = _features(settings, rows.head()[0], before)
    holds_out = given.X_val is None
    found = files.read_files(
        settings, rows, source, streams, given.classes, before, holds_out=holds_out
    )
    valid = _given_validation(
        settings, given, source, found.task, features, rows_of(None)
    )
    if valid is None:
        valid = found.valid
    return FitData(
        rows, None, source, found.task, found.train, valid, streams, features, before
    )


def _read_stream(
    settings: Settings,
    given: GivenRows,
    before: Fitted | None,
    source: Any,
    streams: TrainStreams,
    processes: Processes | None,
) -> FitData:
    """Return the data of an iterable, of which little is known."""
    rows = rows_of(processes)
    X, classes = given.X, given.classes
    refuse_for_streams(
        settings.early_stopping,
        y=given.y,
        sample_weight=given.sample_weight,
        groups=given.groups,
        class_weight=settings.tasks.class_weight,
    )
    stream = new_stream(source, X, fits=before is None)
    if before is not None:
        task = settings.tasks.of(before.task.target)
        if classes is not None:
            task.check_same_classes(classes)
    elif settings.tasks.is_classifier:
        if classes is None:
            raise ValueError(
                "classes must be given for an iterable data set: all labels, which"
                " nobody can know before the last row has come."
            )
        task = settings.tasks.fit(classes, None, classes)
    else:
        targets = rows.all_targets(stream.first_targets())
        task = settings.tasks.fit(targets, None, classes)
    train = new_stream(source, X, task.target, fits=False)
    features = _features(settings, train, before)
    valid = _given_validation(settings, given, source, task, features, rows)
    watcher = watcher_of(settings)
    if valid is None and watcher is not None and watcher.monitor is not None:
        raise watcher.refusal("nobody knows the rows of an iterable data set")
    return FitData(X, given.y, source, task, train, valid, streams, features, before)


def _given_validation(
    settings: Settings,
    given: GivenRows,
    source: Any,
    task: Task,
    features: dict[str, Any],
    rows: Whole,
) -> ArrayData | StreamData | None:
    """Return the encoded validation data that the user gave, or None."""
    X, y, weight = given.X_val, given.y_val, given.sample_weight_val
    if rows.processes is not None:
        remedy = "Give X_val and y_val to all processes, or to none."
        rows.processes.check_alike("X_val", "one" if X is not None else "none", remedy)
    if X is None:
        for name, value in (("y_val", y), ("sample_weight_val", weight)):
            if value is not None:
                raise ValueError(f"{name} was given without X_val.")
        return None
    if is_files(X):
        files.refuse_beside_files(y_val=y, sample_weight_val=weight)
        check_features(settings.owner, X.head()[0], features)
        return files.encoded_files(source, task, X)
    refuse_uncountable(X, settings.owner_name)
    if y is None and not brings_targets(X):
        raise ValueError("X_val was given without y_val.")
    if settings.early_stopping is False:
        raise ValueError(
            "X_val was given, and early_stopping=False would not use it. Say"
            " early_stopping='auto' or True, or leave X_val out."
        )
    if is_stream(X):
        refuse_for_streams(settings.early_stopping, y_val=y, sample_weight_val=weight)
        return new_stream(source, X, task.target, fits=False)
    table = source.check(X)
    check_features(settings.owner, table, features)
    y = given_targets(settings.owner_name, table, y)
    check_consistent_length(table, y)
    weight = check_weight("sample_weight_val", weight, len(table))
    try:
        labels = task.encode(y)
    except ValueError as error:
        raise ValueError(f"y_val: {error}") from error
    weight = rows.weighted(task, labels, rows.own_weights(weight, len(table)))
    table, labels, weight, _ = drop_weightless(table, labels, weight)
    return ArrayData(source.transform(table), labels, rows.normalized(weight))


def _stops_early(settings: Settings, train: ArrayData, task: Task, rows: Whole) -> bool:
    """Whether a validation part is held out."""
    stopping, watcher = settings.early_stopping, watcher_of(settings)
    needed = watcher is not None and watcher.monitor is not None
    if settings.partial or stopping is False:
        if watcher is not None and needed:
            what = "partial_fit" if settings.partial else "early_stopping=False"
            raise watcher.refusal(f"{what} holds out no rows")
        return False
    few = rows.total(len(train)) < AUTO_EARLY_STOPPING_ROWS
    if stopping == "auto" and few and watcher is None:
        return False
    problem = rows.any_of(
        split_problem(train, settings.validation_fraction, stratified=task.stratifies)
    )
    if problem is None:
        return True
    if stopping is True:
        raise ValueError(
            f"early_stopping=True needs a validation part, and {problem}. Give"
            " X_val and y_val, or say early_stopping=False."
        )
    if watcher is not None and needed:
        raise watcher.refusal(problem)
    return False
