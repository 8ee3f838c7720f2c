"use strict";

/** Return how good a value is, 0 to 1: of 100 %, or as a share of the worst error shown. */
function rateValue(value, metric, worst) {
  if (summary.metrics[metric].high) return value / 100;
  return worst > 0 ? 1 - value / worst : 1;
}

function drawHeatRow(score, worst) {
  const metric = state.metric;
  const cells = ROW_NAMES.map((name, row) => {
    const cell = drawCell(score, row, metric);
    const value = score.values[row][metric];
    if (value !== null) {
      const share = Math.min(1, Math.max(0, rateValue(value, metric, worst)));
      cell.style.setProperty("--share", `${Math.round(100 * share)}%`);
      cell.classList.add("heat");
    }
    if (row === MEAN_ROW) cell.classList.add("last");
    return cell;
  });
  return make("tr", {}, drawRunName(score), cells);
}

function drawHeatmap() {
  const scores = listVisible();
  const values = scores.flatMap((score) => score.values.map((row) => row[state.metric] ?? 0));
  const worst = Math.max(0, ...values);
  const table = make(
    "table",
    { class: "heatmap" },
    make("caption", { class: "hidden" }, `${summary.metrics[state.metric].label} by category`),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col", class: "text" }, "Run"),
        ROW_NAMES.map((name) => make("th", { scope: "col" }, name)),
      ),
    ),
    make("tbody", {}, scores.map((score) => drawHeatRow(score, worst))),
  );
  makeGrid(table);
  byId("heatmap-table").replaceChildren(table);
}

function drawHeatmapControls() {
  const used = summary.metrics
    .map((metric, index) => [index, metric.label])
    .filter(([index]) => summary.scores.some((score) => score.values.some((row) => row[index] !== null)));
  byId("heatmap-controls").append(
    makeSelect("Metric", used, state.metric, (metric) => change({ metric: Number(metric) })),
    make(
      "p",
      { class: "scale" },
      make("span", {}, "worse"),
      make("span", { class: "ramp", "aria-hidden": "true" }),
      make("span", {}, "better"),
    ),
  );
}
