"""Arrays of the golden set that nothing here is compared with, and why."""

SETTING = "setting of the recording"
STEPS = "two correct runs from T0 = 1 take different steps; the poses are compared"

REASONS: dict[str, str] = {
    "aggregation/aggregation.npz: kinds": "names of the eight objects",
    "aggregation/aggregation.npz: k*_numpy_sorted_RTs_equal": "official code against itself",
    "aggregation/aggregation.npz: k*_tracking_equals_average": "official code against itself",
    "align/align.npz: c*_true_*": "transform the points were made with; the fits are compared",
    "align/align.npz: c*_ransac_seed": "the draws are recorded, and used",
    "evaluator/*: use_matches_for_pose": f"{SETTING}, in the file's name",
    "evaluator/*: ratio": f"{SETTING}, in the file's name",
    "evaluator/*: repeat_num": f"{SETTING}: the number of hypotheses",
    "evaluator/ties_spd_introsort.npz: iou_aps": "its order of ties was not recorded",
    "evaluator/pairs.npz: iou3d_nocs_bbox": "an older function of NOCS that no evaluator calls",
    "network/lowest_index_ties.npz: fps_*": "an order of ties that the official code does not have",
    "network/network.npz: cat_id": "networks do not see it",
    "network/network.npz: handle_visibility": "networks do not see it",
    "preprocess/expected_*.npz: numpy_seed": "the draws are recorded, and used",
    "preprocess/expected_*.npz: opencv_version": SETTING,
    "preprocess/expected_*.npz: f*_pred_RTs": "identity placeholders, written later here",
    "preprocess/expected_*.npz: f*_pred_scales": "placeholders of one; sizes are NaN here",
    "sampler/*: [ar]tol": f"{SETTING}: both 1e-5",
    "sampler/*: status": f"{SETTING}: 0, the solver ended",
    "sampler/fit_T1.0.npz: nfev": STEPS,
    "sampler/fit_T1.0.npz: n_saved": STEPS,
    "sampler/fit_T1.0.npz: ode_t": STEPS,
    "sampler/sde.npz: T": f"{SETTING}: 1, where time ends",
}
