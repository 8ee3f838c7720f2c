"use strict";

function listColumns(scores) {
  const metrics = summary.metrics
    .map((metric, index) => ({ key: String(index), label: metric.label, metric: index }))
    .filter(({ metric }) => scores.some((score) => score.values[state.row][metric] !== null));
  const has = (name) => scores.some((score) => (summary.runs[score.run][name] ?? null) !== null);
  return [
    { key: "run", label: "Run", text: true },
    ...metrics,
    { key: "objects", label: "Objects" },
    ...(has("hypotheses") ? [{ key: "hypotheses", label: "K" }] : []),
    ...(has("speed") ? [{ key: "speed", label: "hyp/s" }] : []),
    ...(state.protocol ? [] : [{ key: "protocol", label: "Protocol", text: true }]),
    { key: "data", label: "Data", text: true },
  ];
}

function sortBy(column) {
  const lowFirst = column.text || summary.metrics[column.metric]?.high === false;
  const again = state.sort === column.key;
  change({ sort: column.key, ascending: again ? !state.ascending : Boolean(lowFirst) });
  byId("leaderboard-table").querySelector(`[data-key="${column.key}"]`)?.focus();
}

function drawHeader(column) {
  const sorted = state.sort === column.key;
  const direction = state.ascending ? "ascending" : "descending";
  return make(
    "th",
    { scope: "col", "aria-sort": sorted ? direction : "none", class: column.text ? "text" : "" },
    make(
      "button",
      { type: "button", "data-key": column.key, onclick: () => sortBy(column) },
      column.label,
      make("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (state.ascending ? "▲" : "▼") : ""),
    ),
  );
}

/** Return the best values among comparable rows, as "data|protocol|metric" keys to values. */
function findBest(scores) {
  const best = new Map();
  const seen = new Map();
  for (const score of scores) {
    summary.metrics.forEach((metric, index) => {
      const value = score.values[state.row][index];
      if (value === null) return;
      const key = `${describeData(score)}|${score.protocol}|${index}`;
      const better = metric.high ? Math.max : Math.min;
      best.set(key, seen.has(key) ? better(best.get(key), value) : value);
      seen.set(key, (seen.get(key) ?? 0) + 1);
    });
  }
  for (const [key, count] of seen) if (count < 2) best.delete(key);
  return best;
}

function drawCell(score, row, metric, extra = {}) {
  const value = score.values[row][metric];
  if (value === null) return make("td", { class: "number blank" }, "–");
  const interval = score.intervals[row][metric];
  const label = `${summary.metrics[metric].label} ${formatValue(value, metric)}, ${nameRun(score.run)}, ${ROW_NAMES[row]}, ${score.protocol}`;
  const range = interval && `${formatValue(interval[0], metric)}–${formatValue(interval[1], metric)}`;
  return make(
    "td",
    { class: "number" },
    make(
      "button",
      {
        type: "button",
        class: `cell ${extra.class ?? ""}`,
        "aria-label": label,
        "aria-haspopup": "dialog",
        title: range ? `95 % interval ${range}` : null,
        onclick: () => openDetails(score, row, metric),
      },
      formatValue(value, metric),
      range && extra.ranges ? make("small", {}, range) : null,
    ),
  );
}

function drawRunName(score) {
  const run = summary.runs[score.run];
  return make(
    "th",
    { scope: "row", class: "text" },
    make("bdi", { class: "method" }, run.method),
    run.variant ? make("bdi", { class: "variant" }, run.variant) : null,
    make("bdi", { class: "name" }, run.name),
  );
}

function drawRow(score, columns, best) {
  const run = summary.runs[score.run];
  const cells = columns.map((column) => {
    if (column.key === "run") return drawRunName(score);
    if (column.key === "data") {
      const [data, ...rest] = describeData(score).split(" · ");
      return make(
        "td",
        { class: "text" },
        make("bdi", {}, data),
        make("bdi", { class: "name" }, rest.slice(0, 2).join(" · ")),
        make("bdi", { class: "name" }, rest.slice(2).join(" · ")),
      );
    }
    if (column.key === "protocol") return make("td", { class: "text" }, score.protocol);
    if (column.key === "objects") return make("td", { class: "number" }, String(countObjects(score, state.row)));
    if (column.metric === undefined) {
      const value = run[column.key] ?? null;
      return make("td", { class: "number" }, value === null ? "–" : Math.round(value).toLocaleString("en"));
    }
    const key = `${describeData(score)}|${score.protocol}|${column.metric}`;
    const isBest = best.get(key) === score.values[state.row][column.metric];
    return drawCell(score, state.row, column.metric, { class: isBest ? "best" : "", ranges: true });
  });
  return make("tr", {}, cells);
}

/** Say what a reader must know of the rows that are shown together. */
function describeVisible(scores) {
  const shown = `${scores.length} of ${summary.scores.length} rows`;
  if (!scores.length) return `${shown}: no row passes these filters.`;
  const data = new Set(scores.map(describeData)).size;
  const protocols = new Set(scores.map((score) => score.protocol)).size;
  const parts = [];
  if (data > 1) parts.push(`${data} different data sets, label sets or detections`);
  if (protocols > 1) parts.push(`${protocols} protocols`);
  if (!parts.length) return `${shown}.`;
  return `${shown}, from ${parts.join(" and ")}: numbers compare only within one of each.`;
}

function drawLeaderboard() {
  const scores = listVisible();
  const columns = listColumns(scores);
  const best = findBest(scores);
  const table = make(
    "table",
    { class: "leaderboard" },
    make("caption", { class: "hidden" }, `Scores, ${ROW_NAMES[state.row]}`),
    make("thead", {}, make("tr", {}, columns.map(drawHeader))),
    make("tbody", {}, scores.map((score) => drawRow(score, columns, best))),
  );
  makeGrid(table);
  byId("leaderboard-table").replaceChildren(table);
  byId("notice").textContent = describeVisible(scores);
}
