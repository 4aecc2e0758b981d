"""The training loop: skorch's, on whole mixed batches."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.training.feeds import (
        ArrayData as ArrayData,
        MemberRows as MemberRows,
        StreamData as StreamData,
        TensorBatches as TensorBatches,
        TrainStreams as TrainStreams,
        WindowData as WindowData,
        encoded_rows as encoded_rows,
        joined_rows as joined_rows,
        member_folds as member_folds,
        mix_facts as mix_facts,
        own_mode as own_mode,
        plain_target as plain_target,
        seeded_globals as seeded_globals,
        select as select,
        split_weight as split_weight,
        token_information as token_information,
    )
    from sk_mixup.training.loop import (
        BestWeights as BestWeights,
        ChooseAlpha as ChooseAlpha,
        ChooseSteps as ChooseSteps,
        Epochs as Epochs,
        MixingMixin as MixingMixin,
        MixingRun as MixingRun,
        NotebookLine as NotebookLine,
        ScikitLearnBridge as ScikitLearnBridge,
        SharedSteps as SharedSteps,
        StopTraining as StopTraining,
        TrainingBar as TrainingBar,
        call_module as call_module,
        check_item as check_item,
        copied as copied,
        count_accuracy as count_accuracy,
        decided as decided,
        deep_copy as deep_copy,
        detached_copies as detached_copies,
        holds_parametrized as holds_parametrized,
        in_notebook as in_notebook,
        in_words as in_words,
        joint_temperature as joint_temperature,
        log_odds as log_odds,
        log_tempered as log_tempered,
        member_outputs as member_outputs,
        mixing_net_class as mixing_net_class,
        module_input as module_input,
        no_temperature as no_temperature,
        on_host as on_host,
        outputs_of as outputs_of,
        predict_outputs as predict_outputs,
        predict_stream as predict_stream,
        reduced_whole as reduced_whole,
        score_anew as score_anew,
        shallow_copy as shallow_copy,
        takes_temperature as takes_temperature,
        temperature_of as temperature_of,
        tempered as tempered,
    )
    from sk_mixup.training.objectives import (
        GaussianHead as GaussianHead,
        GaussianLoss as GaussianLoss,
        MemberRowsObjective as MemberRowsObjective,
        MultiLabel as MultiLabel,
        MultiOutput as MultiOutput,
        Objective as Objective,
        PinballLoss as PinballLoss,
        PixelClasses as PixelClasses,
        PixelObjective as PixelObjective,
        QuantileHead as QuantileHead,
        RegressionHead as RegressionHead,
        SoftLabels as SoftLabels,
        TargetKind as TargetKind,
        Units as Units,
        check_counts as check_counts,
        named_criterion as named_criterion,
        resolved_criterion as resolved_criterion,
        units_of as units_of,
    )
    from sk_mixup.training.packing import (
        FOLDS_OF_MEMBERS as FOLDS_OF_MEMBERS,
        PackMember as PackMember,
        pack_key as pack_key,
        train_together as train_together,
        unfusable_reason as unfusable_reason,
    )
    from sk_mixup.training.recipes import (
        AUTO_EARLY_STOPPING_ROWS as AUTO_EARLY_STOPPING_ROWS,
        PRESETS as PRESETS,
        Course as Course,
        CourseRates as CourseRates,
        Knobs as Knobs,
        MuonAdamW as MuonAdamW,
        Recipe as Recipe,
        check_knobs as check_knobs,
        fold_counts as fold_counts,
        follows_plan as follows_plan,
        image_recipe as image_recipe,
        module_recipe as module_recipe,
        resolve_device as resolve_device,
        table_recipe as table_recipe,
        text_recipe as text_recipe,
        tuning_recipe as tuning_recipe,
    )
    from sk_mixup.training.setup import (
        bundled_net as bundled_net,
        check_mixing as check_mixing,
        check_single_rows as check_single_rows,
        companion_generator as companion_generator,
        copy_caller as copy_caller,
        end_run as end_run,
        give_rates as give_rates,
        initialize_net as initialize_net,
        input_kind as input_kind,
        listed_callbacks as listed_callbacks,
        make_net as make_net,
        may_take_tables as may_take_tables,
        module_kind as module_kind,
        named_optimizer as named_optimizer,
        start_run as start_run,
        takes_sparse as takes_sparse,
        training_randomness as training_randomness,
        try_knobs as try_knobs,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            ".feeds": (
                "ArrayData MemberRows StreamData TensorBatches TrainStreams WindowData "
                "encoded_rows joined_rows member_folds mix_facts own_mode plain_target "
                "seeded_globals select split_weight token_information"
            ),
            ".loop": (
                "BestWeights ChooseAlpha ChooseSteps Epochs MixingMixin MixingRun "
                "NotebookLine ScikitLearnBridge SharedSteps StopTraining TrainingBar "
                "call_module check_item copied count_accuracy decided deep_copy "
                "detached_copies holds_parametrized in_notebook in_words "
                "joint_temperature log_odds log_tempered member_outputs "
                "mixing_net_class module_input no_temperature on_host outputs_of "
                "predict_outputs predict_stream reduced_whole score_anew shallow_copy "
                "takes_temperature temperature_of tempered"
            ),
            ".objectives": (
                "GaussianHead GaussianLoss MemberRowsObjective MultiLabel MultiOutput "
                "Objective PinballLoss PixelClasses PixelObjective QuantileHead "
                "RegressionHead SoftLabels TargetKind Units check_counts "
                "named_criterion resolved_criterion units_of"
            ),
            ".packing": (
                "FOLDS_OF_MEMBERS PackMember pack_key train_together unfusable_reason"
            ),
            ".recipes": (
                "AUTO_EARLY_STOPPING_ROWS PRESETS Course CourseRates Knobs MuonAdamW "
                "Recipe check_knobs fold_counts follows_plan image_recipe "
                "module_recipe resolve_device table_recipe text_recipe tuning_recipe"
            ),
            ".setup": (
                "bundled_net check_mixing check_single_rows companion_generator "
                "copy_caller end_run give_rates initialize_net input_kind "
                "listed_callbacks make_net may_take_tables module_kind named_optimizer "
                "start_run takes_sparse training_randomness try_knobs"
            ),
        },
    )
