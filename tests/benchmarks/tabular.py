"""A job on a table and its result."""

from __future__ import annotations

from benchmarks.suites.tabular_worker import Job

QUICK = Job(folder=None, data="wine", model="hgb", seed=0, threads=1)


def result_of(job, loss=0.5, **more):
    if job.temperature_only:
        return {"inverse_temperature": 0.7}
    keys = ["log_loss", "refined_log_loss", "tempered_log_loss", "brier", "ece"]
    keys += ["rmse", "relative_rmse", "accuracy", "fit_seconds", "fit_cpu_seconds"]
    result = dict.fromkeys(keys, loss)
    result |= {"warnings": [], "version": "1.0", "commit": "abc", "date": "2026-01-01"}
    return result | {"n_train": 100} | more
