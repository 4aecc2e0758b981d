"""What is said of mixing, tried here: suite ``claims``.

`scales` says how large, `catalogue` which trainings, `claims` what is said and what
speaks for it; a cell is one training with all that is measured on it, so that one net
answers for several claims.
"""
