"""All claims, in the order of the paper."""

from functools import partial

from leaderboards.claims import (
    aggregation,
    energy,
    features,
    networks,
    real275,
    reported,
    rotation,
    training,
)
from leaderboards.claims.model import Claim

_NEAR = f"{aggregation.NEAR_POINTS:g} point"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="pooling-beats-one-sample",
        statement="Averaging hypotheses, even unranked ones, is more accurate than one sample.",
        source="Table 3, rows 1 and 2",
        check=aggregation.check_pooling,
        reported=partial(aggregation.quote_rankers, 1, 0, "pooled minus one sample"),
    ),
    Claim(
        id="energy-beats-random",
        statement="Ranking by energy before averaging is more accurate than ranking at random.",
        source="section 4.3, Table 3, rows 2 and 3",
        check=aggregation.check_energy_ranking,
        reported=partial(aggregation.quote_rankers, 2, 1, "ranked by energy minus at random"),
    ),
    Claim(
        id="truth-ranking-bounds",
        statement="Ranking by the true errors is an upper bound that energies do not reach.",
        source="section 4.3, Table 3, rows 3 and 4",
        check=aggregation.check_truth_ranking,
        reported=partial(aggregation.quote_rankers, 3, 2, "ranked by the truth minus by energy"),
    ),
    Claim(
        id="fifty-beat-ten",
        statement="50 hypotheses are more accurate than 10.",
        source="section 4.3, Table 2",
        check=aggregation.check_fifty_beat_ten,
        reported=partial(aggregation.quote_counts, "50", "10"),
    ),
    Claim(
        id="hundred-add-little",
        statement=f"100 hypotheses gain less than {_NEAR} over 50.",
        source="section 4.3, Table 2",
        check=aggregation.check_hundred_add_little,
        reported=partial(
            aggregation.quote_counts, "100", "50", bound=aggregation.NEAR_POINTS, side="below"
        ),
    ),
    Claim(
        id="sixty-percent-near-best",
        statement=f"Averaging the best 60 % is within {_NEAR} of the best of five shares.",
        source="section 4.3, Table 2",
        check=aggregation.check_sixty_percent,
        reported=aggregation.quote_best_share,
    ),
    Claim(
        id="filtering-beats-keeping-all",
        statement="Leaving out the hypotheses of least energy beats averaging all.",
        source="sections 3.2 and 4.3, Table 2",
        check=aggregation.check_filtering,
        reported=partial(aggregation.quote_shares, "100%"),
    ),
    Claim(
        id="small-share-is-worse",
        statement="Averaging only the best 20 % is worse than averaging the best 60 %.",
        source="section 4.3, Table 2",
        check=aggregation.check_small_share,
        reported=partial(aggregation.quote_shares, "20%"),
    ),
    Claim(
        id="energy-falls-with-error",
        statement="Over all hypotheses, energy correlates negatively with rotation and "
        "translation error.",
        source="section 4.3, Figure 3",
        check=energy.check_correlation,
    ),
    Claim(
        id="energy-tells-large-errors",
        statement="Hypotheses of low error (10 degrees, 2 cm) have more energy than those of high "
        "error (20 degrees, 4 cm).",
        source="section 4.3, Figure 3",
        check=energy.check_large_errors,
    ),
    Claim(
        id="energy-tells-large-errors-better",
        statement="Energy tells low from high errors better than the lower from the upper half of "
        "low ones.",
        source="section 4.3, Figure 3",
        check=energy.check_large_before_small,
    ),
    Claim(
        id="symmetric-spread-about-axis",
        statement="Hypotheses for bottles, bowls and cans spread all around the symmetry axis "
        f"(mean resultant length below {rotation.HALF_CONCENTRATED:g}).",
        source="section 4.4, Figure 4",
        check=rotation.check_spread_about_axis,
    ),
    Claim(
        id="asymmetric-concentrate",
        statement="Hypotheses for cameras and laptops concentrate around one turn "
        f"(mean resultant length above {rotation.HALF_CONCENTRATED:g}).",
        source="section 4.4, Figure 4",
        check=rotation.check_concentration,
    ),
    Claim(
        id="mugs-concentrate-with-handle",
        statement="Hypotheses for mugs concentrate more while the handle is visible.",
        source="section 4.4, appendix B",
        check=rotation.check_mug_handle,
    ),
    Claim(
        id="beats-plain-regression",
        statement="The generative model beats its regression twin that ignores symmetry.",
        source="sections 1 and 4.4, Table 4",
        check=partial(training.check_twin, symmetry="ignored"),
    ),
    Claim(
        id="beats-symmetry-aware-regression",
        statement="Without any design for symmetry, the generative model beats a regression that "
        "handles it: in every category, by the paper's numbers; here its twin, on average.",
        source="section 4.4, Table 4",
        check=partial(training.check_twin, symmetry="handled"),
        reported=training.quote_gains,
    ),
    Claim(
        id="gains-where-ambiguous-over-plain",
        statement="Over the twin that ignores symmetry, the gain is largest on symmetric objects "
        "and mugs.",
        source="section 4.4, Table 4",
        check=partial(training.check_twin_where, symmetry="ignored"),
    ),
    Claim(
        id="gains-where-ambiguous-over-aware",
        statement="Over a regression that handles symmetry, the gain is still largest on symmetric "
        "objects and mugs.",
        source="section 4.4, Table 4",
        check=partial(training.check_twin_where, symmetry="handled"),
        reported=training.quote_gains_where,
    ),
    Claim(
        id="unseen-degrade",
        statement="Symmetric categories that were never trained on are less accurate.",
        source="section 4.4, Table 5",
        check=training.check_unseen_degrade,
        reported=partial(
            training.quote_unseen, seen_share=1.0, sign=1.0, title="seen minus unseen"
        ),
    ),
    Claim(
        id="unseen-do-not-collapse",
        statement="Symmetric categories that were never trained on keep at least half of their "
        "accuracy.",
        source="section 4.4, Table 5",
        check=training.check_unseen_survive,
        reported=partial(
            training.quote_unseen,
            seen_share=training.KEPT_SHARE,
            sign=-1.0,
            title="unseen minus half of seen",
        ),
    ),
    Claim(
        id="cans-and-bottles-intermingle",
        statement="Encoder features of cans and bottles lie among each other more than chance has "
        "it.",
        source="section 4.4, Figure 5",
        check=features.check_cans_and_bottles,
    ),
    Claim(
        id="bowls-lie-near-mugs",
        statement="Encoder features of bowls lie near those of mugs more than chance has it.",
        source="section 4.4, Figure 5",
        check=features.check_bowls_and_mugs,
    ),
    Claim(
        id="one-model-for-all-categories",
        statement="One set of weights serves all six categories.",
        source="section 4.2",
        check=networks.check_one_model,
    ),
    Claim(
        id="fewest-parameters",
        statement="No other method of Table 1 has fewer parameters.",
        source="section 4.2, Table 1",
        check=networks.check_fewest_parameters,
        reported=reported.check_fewest_parameters,
    ),
    Claim(
        id="tracks-in-real-time",
        statement=f"Tracking runs in real time, at {reported.REAL_TIME_FPS:g} frames per second or "
        "more.",
        source="sections 4.5 and 5, Table 6",
        check=networks.check_real_time,
        reported=reported.check_tracking_speed,
    ),
    Claim(
        id="tracking-beats-catre",
        statement="Tracking beats CATRE in 5deg_5cm and mean rotation error.",
        source="section 4.5, Table 6",
        reported=reported.check_tracking_against_catre,
    ),
    Claim(
        id="tracking-beats-best-in-most-metrics",
        statement="Tracking beats the best other tracker, CATRE, in most metrics but for speed.",
        source="section 3.3, Table 6",
        reported=reported.check_tracking_most,
    ),
    Claim(
        id="real275-above-50-and-60",
        statement="On REAL275, 5deg_2cm is above 50 % and 5deg_5cm above 60 %.",
        source="sections 1 and 4.2, Table 1",
        check=real275.check_thresholds,
        reported=reported.check_thresholds,
    ),
    Claim(
        id="real275-first-above-50-and-60",
        statement="No other method of Table 1 passes 50 % and 60 %.",
        source="section 4.2, Table 1",
        reported=reported.check_first_above_thresholds,
    ),
    Claim(
        id="real275-scores-reproduce",
        statement="A run on REAL275 reaches the four stated scores, to within one point.",
        source="Table 1",
        check=real275.check_stated_scores,
    ),
    Claim(
        id="real275-best-in-every-column",
        statement="On REAL275 no other method is better in any metric.",
        source="section 4.2, Table 1",
        reported=partial(reported.check_best, 1),
    ),
    Claim(
        id="real275-gpv-pose-is-state-of-the-art",
        statement="GPV-Pose is the best earlier method, at least of those that take depth alone.",
        source="section 4.2, Table 1",
        reported=reported.check_gpv_is_best,
    ),
    Claim(
        id="real275-20-points-over-gpv-pose",
        statement="The margin over GPV-Pose is more than 20 points in 5deg_2cm and in 5deg_5cm.",
        source="section 4.2, Table 1",
        reported=reported.check_margin_over_gpv,
    ),
    Claim(
        id="real275-10-points-over-dpdn",
        statement="The margin over DPDN in 5deg_5cm is more than 10 points.",
        source="section 4.2, Table 1",
        reported=reported.check_margin_over_dpdn,
    ),
    Claim(
        id="camera-best-in-every-column",
        statement="On CAMERA no other method is better in any metric.",
        source="appendix C.2, Table 7",
        reported=partial(reported.check_best, 7),
    ),
    Claim(
        id="camera-6.4-points-over-rbp-pose",
        statement="The margin over RBP-Pose on CAMERA in 5deg_2cm is 6.4 points.",
        source="appendix C.2, Table 7",
        reported=reported.check_camera_margin,
    ),
)
