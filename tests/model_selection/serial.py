"""A pack engine that trains its members one after another: slow, and beyond doubt."""

from __future__ import annotations

from sk_mixup.training import seeded_globals, start_run


class _Given:
    def __init__(self, valid):
        self.valid = valid

    def __call__(self, dataset, y=None, **kwargs):
        return dataset, self.valid


def pack_key(member):
    return "one"


def unfusable_reason(member):
    return None


def train_together(members, **options):
    errors = []
    for member in members:
        try:
            train_alone(member)
        except Exception as error:
            errors.append(error)
        else:
            errors.append(None)
    return errors


def train_alone(member):
    net = member.net
    net.train_split = None if member.valid is None else _Given(member.valid)
    net.run_ = member.run
    start_run(member.run, net, member.knobs, schedule=member.schedule)
    max_epochs = net.max_epochs
    net.max_epochs = member.n_epochs
    try:
        with seeded_globals(member.dropout_seed):
            net.partial_fit(member.train, None)
    finally:
        net.max_epochs = max_epochs
        net.run_ = None
        net.train_split = None
