"""What methods draw with: pairings, laws of lambda, schedules, random streams."""

from sk_mixup.mixing._drawing import Begun, arrived
from sk_mixup.mixing.draws._beta import (
    alpha_for_smoothing,
    effective_alpha,
    expected_smoothing,
)
from sk_mixup.mixing.draws._laws import (
    BetaLaw,
    ClippedLaw,
    FixedLaw,
    LamLaw,
    OneSidedBetaLaw,
    UniformLaw,
    beta_lams,
    draw_lam,
    resolve_law,
)
from sk_mixup.mixing.draws._memory import MemoryPairing
from sk_mixup.mixing.draws._pairing import (
    Pairing,
    check_pairing,
    keeps_rows,
    never_pairs_selves,
    resolve_pairing,
    self_pairs,
    shuffle_many,
)
from sk_mixup.mixing.draws._pairing_weighted import KernelPairing, NearestPairing
from sk_mixup.mixing.draws._partners import partners_for
from sk_mixup.mixing.draws._schedules import (
    CosineSchedule,
    LinearSchedule,
    Schedule,
    WithoutHesitation,
    check_schedule,
    value_at,
)
from sk_mixup.mixing.draws._streams import (
    MixStreams,
    generator_on,
    integer,
    rows_let_in,
    uniform,
    uniforms,
)

__all__ = [
    "Begun",
    "BetaLaw",
    "ClippedLaw",
    "CosineSchedule",
    "FixedLaw",
    "KernelPairing",
    "LamLaw",
    "LinearSchedule",
    "MemoryPairing",
    "MixStreams",
    "NearestPairing",
    "OneSidedBetaLaw",
    "Pairing",
    "Schedule",
    "UniformLaw",
    "WithoutHesitation",
    "alpha_for_smoothing",
    "arrived",
    "beta_lams",
    "check_pairing",
    "check_schedule",
    "draw_lam",
    "effective_alpha",
    "expected_smoothing",
    "generator_on",
    "integer",
    "keeps_rows",
    "never_pairs_selves",
    "partners_for",
    "resolve_law",
    "resolve_pairing",
    "rows_let_in",
    "self_pairs",
    "shuffle_many",
    "uniform",
    "uniforms",
    "value_at",
]
