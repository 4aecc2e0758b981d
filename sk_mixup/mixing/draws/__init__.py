"""What methods draw with: pairings, laws of lambda, schedules, random streams."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing._drawing import Begun as Begun, arrived as arrived
    from sk_mixup.mixing.draws._beta import (
        alpha_for_smoothing as alpha_for_smoothing,
        effective_alpha as effective_alpha,
        expected_smoothing as expected_smoothing,
    )
    from sk_mixup.mixing.draws._laws import (
        BetaLaw as BetaLaw,
        ClippedLaw as ClippedLaw,
        FixedLaw as FixedLaw,
        LamLaw as LamLaw,
        OneSidedBetaLaw as OneSidedBetaLaw,
        UniformLaw as UniformLaw,
        beta_lams as beta_lams,
        draw_lam as draw_lam,
        resolve_law as resolve_law,
    )
    from sk_mixup.mixing.draws._memory import MemoryPairing as MemoryPairing
    from sk_mixup.mixing.draws._pairing import (
        Pairing as Pairing,
        check_pairing as check_pairing,
        keeps_rows as keeps_rows,
        never_pairs_selves as never_pairs_selves,
        resolve_pairing as resolve_pairing,
        self_pairs as self_pairs,
        shuffle_many as shuffle_many,
    )
    from sk_mixup.mixing.draws._pairing_weighted import (
        KernelPairing as KernelPairing,
        NearestPairing as NearestPairing,
    )
    from sk_mixup.mixing.draws._partners import partners_for as partners_for
    from sk_mixup.mixing.draws._schedules import (
        CosineSchedule as CosineSchedule,
        LinearSchedule as LinearSchedule,
        Schedule as Schedule,
        WithoutHesitation as WithoutHesitation,
        check_schedule as check_schedule,
        value_at as value_at,
    )
    from sk_mixup.mixing.draws._streams import (
        MixStreams as MixStreams,
        generator_on as generator_on,
        integer as integer,
        rows_let_in as rows_let_in,
        uniform as uniform,
        uniforms as uniforms,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._beta": "alpha_for_smoothing effective_alpha expected_smoothing",
            "sk_mixup.mixing._drawing": "Begun arrived",
            "._laws": (
                "BetaLaw ClippedLaw FixedLaw LamLaw OneSidedBetaLaw UniformLaw "
                "beta_lams draw_lam resolve_law"
            ),
            "._memory": "MemoryPairing",
            "._pairing": (
                "Pairing check_pairing keeps_rows never_pairs_selves "
                "resolve_pairing self_pairs shuffle_many"
            ),
            "._pairing_weighted": "KernelPairing NearestPairing",
            "._partners": "partners_for",
            "._schedules": (
                "CosineSchedule LinearSchedule Schedule WithoutHesitation "
                "check_schedule value_at"
            ),
            "._streams": "MixStreams generator_on integer rows_let_in uniform uniforms",
        },
    )
