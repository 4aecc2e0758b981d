"""The searches: scikit-learn's, with what their trainings share trained together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from sk_mixup.model_selection._together import OWN_CONSTRAINTS, TogetherMixin


class MixupSearchCV(TogetherMixin, GridSearchCV):
    """A grid search whose candidates and folds are one training.

    Constructor, results and meaning are those of `GridSearchCV`; the trainings of a
    small net, which leave a processor mostly idle one by one, run as one batched
    program. Every candidate and fold is trained as its own `fit` would do it: the same
    initial weights, batches and random draws, so that the results are those of separate
    fits up to rounding (and to dropout, whose masks are drawn for all at once).

    Trained together: folds, and candidates that differ in `alpha` and other numbers of
    a method, `lr`, weight decay, betas, dropout, label smoothing, `class_weight`,
    `random_state` or `max_epochs`. Candidates of another module, batch size or
    optimizer form packs of their own, which run one after another. What cannot be
    trained together at all is fitted as `GridSearchCV` does it, and a `MixupWarning`
    says why. Small modules gain most; the nets of `module=None`, whose members leave
    out folds, are many trainings in one already, and run one by one, in several
    processes (see `n_jobs`).

    Parameters
    ----------
    estimator : MixupClassifier, MixupRegressor or Pipeline that ends with one
        The steps before it are fitted once per fold and setting of theirs. Any other
        estimator is searched as `GridSearchCV` does it. Where its `random_state` is
        None, one seed is drawn for the whole search, so that candidates differ in
        their parameters and not in their luck; the refit draws its own.
    param_grid : dict or list of dict
        Names of parameters, and the values to try.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in `GridSearchCV`; also ``"refined_log_loss"``, the log-loss after the best
        temperature (see :mod:`sk_mixup.metrics`).
    n_jobs : int or None, default=None
        Processes for scoring and for fits that cannot be trained together, or gain
        nothing by it. Packs run in this process; on the CPU they are split to fit a
        core's cache, and run in as many threads as torch has (at most four). Where more
        processes are asked for than that, and with joblib's backends for clusters,
        packs are trained by the workers, see the guide "Beyond one machine". None:
        everything runs here, but for the fits of `module=None` on tables, whose members
        leave out folds: where there is work for seconds, they run in as many processes
        as torch has threads, one thread each. 1: in this process.
    refit : bool, str or callable, default=True
        As in `GridSearchCV`.
    cv : int, splitter, iterable or None, default=None
        As in `GridSearchCV`. A splitter that draws is asked once.
    verbose : int, default=0
        As in `GridSearchCV`; from 1, packs show their progress and the time left. The
        times of single fits shown from 2 on are those of scoring.
    pre_dispatch : int or str, default="2*n_jobs"
        As in `GridSearchCV`.
    error_score : "raise" or number, default=nan
        As in `GridSearchCV`. A fit that fails harms no other of its pack.
    return_train_score : bool, default=False
        As in `GridSearchCV`.
    ensemble : "mean", "greedy" or None, default=None
        What predicts after the search: None, the best candidate, trained again on all
        rows. ``"mean"``: its nets of all folds together, so that nothing is trained
        again. ``"greedy"``: the nets of all folds of several candidates, picked with
        repetition for the lowest log-loss (squared error) of their out-of-fold
        predictions. `best_estimator_` is the ensemble then.
    halving : int, dict or None, default=None
        Drop the worst candidates of a pack on the way: ``3``, or ``{"factor": 3,
        "first": 5}``, keeps one of 3 after 5, 15, 45 ... epochs, by the mean validation
        loss over the folds (so the fits must hold out a validation part); without
        "first", as late as leaves one candidate. Scores of dropped candidates are of
        what they had learnt; they are marked in `dropped_at_` and never chosen (except
        by a callable `refit`).
    store_oof : bool, default=False
        Whether to keep the out-of-fold predictions.
    memory_limit : int or None, default=None
        Bytes that a pack may take beside the data; larger packs are split, which
        changes no result but by rounding. None: half of what is free. With `halving`,
        which compares all fits on the way, weights and states of all of them stay in
        memory, and the limit bounds how many take a step at a time.
    checkpoint : path-like or None, default=None
        Folder that packs are stored in when they are trained, so that the same call,
        after its process was killed, reads them and begins anew the pack that it was
        at. What is fitted on its own, and the refit, are stored epoch by epoch, see
        `MixupClassifier`. Such a folder is as trustworthy as a pickle.

    Attributes
    ----------
    cv_results_ : dict
        As in `GridSearchCV`, with the same keys in the same order. A `fit_time` is the
        share of the fit in the time of its pack (all share alike), so that times add up
        to what the search took.
    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in `GridSearchCV`.
    paired_differences_ : dict
        "params", and per metric "mean_difference_score" and "se_difference_score": test
        scores minus those of the best candidate on the same folds, and the standard
        errors of these differences over the folds. Training parts of folds overlap, so
        take the errors as a lower bound.
    seed_ : int
        The seed of estimators without a `random_state`.
    interrupted_ : bool
        Whether Ctrl-C ended the training. Finished fits are scored then, the others
        have `error_score`, and the refit takes place (Ctrl-C ends that too). With
        ``error_score="raise"`` the interrupt is raised.
    dropped_at_ : ndarray of shape (n_candidates,)
        With `halving`: epochs after which a candidate was dropped; 0: never.
    oof_predictions_ : ndarray of shape (n_candidates, n_samples, ...)
        With `store_oof`: probabilities (or numbers) of the rows of each test part, NaN
        for rows in none.
    oof_classes_ : ndarray or None
        With `store_oof`: what their last axis stands for.
    oof_targets_ : object
        With `store_oof`: the `y` of `fit`.
    ensemble_weights_ : ndarray of shape (n_candidates,)
        With `ensemble`: shares of the candidates.

    See Also
    --------
    MixupRandomizedSearchCV : Candidates drawn from distributions.
    sk_mixup.inspection.AlphaSweepDisplay : The sweep as a picture.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sk_mixup import MixupClassifier, MixupSearchCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> net = MixupClassifier(max_epochs=5, random_state=0)
    >>> search = MixupSearchCV(net, {"alpha": [0, 0.1, 0.4]}, cv=3).fit(X, y)
    >>> search.cv_results_["mean_test_score"].shape
    (3,)
    >>> bool(search.score(X, y) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GridSearchCV._parameter_constraints,
        **OWN_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        ensemble: str | None = None,
        halving: Any = None,
        store_oof: bool = False,
        memory_limit: Any = None,
        checkpoint: Any = None,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.ensemble = ensemble
        self.halving = halving
        self.store_oof = store_oof
        self.memory_limit = memory_limit
        self.checkpoint = checkpoint


class MixupRandomizedSearchCV(TogetherMixin, RandomizedSearchCV):
    """A randomized search whose candidates and folds are one training.

    What `MixupSearchCV` is to `GridSearchCV`, this is to `RandomizedSearchCV`:
    candidates are drawn from distributions.

    Parameters
    ----------
    estimator : MixupClassifier, MixupRegressor or Pipeline that ends with one
        See `MixupSearchCV`.
    param_distributions : dict or list of dict
        Names of parameters, and lists or distributions (with `rvs`) to draw from.
    n_iter : int, default=10
        Number of candidates.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        See `MixupSearchCV`.
    random_state : int, RandomState or None, default=None
        Of the draw of candidates.
    ensemble, halving, store_oof, memory_limit, checkpoint
        See `MixupSearchCV`.

    Attributes
    ----------
    cv_results_, best_estimator_, paired_differences_, ...
        See `MixupSearchCV`.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sk_mixup import MixupClassifier, MixupRandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = MixupRandomizedSearchCV(
    ...     MixupClassifier(max_epochs=5, random_state=0),
    ...     {"alpha": loguniform(0.05, 1.0), "lr": loguniform(1e-3, 1e-2)},
    ...     n_iter=4,
    ...     cv=3,
    ...     random_state=0,
    ... )
    >>> sorted(search.fit(X, y).best_params_)
    ['alpha', 'lr']
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RandomizedSearchCV._parameter_constraints,
        **OWN_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        ensemble: str | None = None,
        halving: Any = None,
        store_oof: bool = False,
        memory_limit: Any = None,
        checkpoint: Any = None,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.ensemble = ensemble
        self.halving = halving
        self.store_oof = store_oof
        self.memory_limit = memory_limit
        self.checkpoint = checkpoint
