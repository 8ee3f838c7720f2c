"use strict";

// What is shown: the filters, and the rows that pass them. Everything that shows rows redraws when
// the state changes.

const summary = readBlock("summary");
const MEAN_ROW = summary.categories.length;
const ROW_NAMES = [...summary.categories.map((category) => category.name), "mean"];

const state = {
  search: "",
  data: "",
  method: "",
  protocol: summary.scores[0].protocol,
  row: MEAN_ROW,
  metric: 0,
  sort: "0",
  ascending: false,
};

const redraws = [];

function onChange(redraw) {
  redraws.push(redraw);
}

function change(values) {
  Object.assign(state, values);
  for (const redraw of redraws) redraw();
}

/** Return what has to be equal for two scores to be compared: data, labels, detections, frames. */
function describeData(score) {
  const run = summary.runs[score.run];
  const parts = [run.data, `${score.frames} frames`, run.label_set];
  if (run.detections) parts.push(`detections ${run.detections}`);
  if (run.labels) parts.push(`labels ${run.labels}`);
  return parts.join(" · ");
}

function listDistinct(describe) {
  return [...new Set(summary.scores.map(describe))].sort();
}

function matchesSearch(score) {
  const run = summary.runs[score.run];
  const text = [run.name, run.method, run.variant, describeData(score), score.protocol].join(" ");
  const words = state.search.toLowerCase().split(/\s+/);
  return words.every((word) => text.toLowerCase().includes(word));
}

/** Return the scores that pass the filters, in the order of the leaderboard. */
function listVisible() {
  const visible = summary.scores.filter(
    (score) =>
      (!state.protocol || score.protocol === state.protocol) &&
      (!state.data || describeData(score) === state.data) &&
      (!state.method || summary.runs[score.run].method === state.method) &&
      matchesSearch(score),
  );
  return visible.sort(compareScores);
}

function getSortValue(score) {
  const run = summary.runs[score.run];
  switch (state.sort) {
    case "run":
      return `${run.method} ${run.variant} ${run.name}`;
    case "data":
      return describeData(score);
    case "protocol":
      return score.protocol;
    case "objects":
      return countObjects(score, state.row);
    case "hypotheses":
      return run.hypotheses;
    case "speed":
      return run.speed;
    default:
      return score.values[state.row][Number(state.sort)];
  }
}

/** Compare by the sorted column; what has no value comes last either way. */
function compareScores(one, other) {
  const [a, b] = [getSortValue(one), getSortValue(other)];
  const [missingA, missingB] = [a ?? null, b ?? null].map((value) => value === null);
  if (missingA || missingB) return missingA - missingB;
  const order = typeof a === "string" ? a.localeCompare(b) : a - b;
  return state.ascending ? order : -order;
}

function countObjects(score, row) {
  const counts = score.counts.map(([instances]) => instances);
  return row === MEAN_ROW ? counts.reduce((sum, count) => sum + count, 0) : counts[row];
}

/** Return a number as it is printed: percentages with one decimal, errors with two. */
function formatValue(value, metric) {
  if (value === null || value === undefined) return "–";
  return value.toFixed(summary.metrics[metric].high ? 1 : 2);
}

function nameRun(index) {
  const run = summary.runs[index];
  return run.variant ? `${run.method} (${run.variant})` : run.method;
}

function drawFilters() {
  const all = (text, values) => [["", text], ...values.map((value) => [value, value])];
  const search = make("input", { type: "search", placeholder: "run, method, data …" });
  search.addEventListener("input", () => change({ search: search.value }));
  const form = byId("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.append(
    make("label", { class: "field wide" }, make("span", {}, "Search"), search),
    makeSelect(
      "Method",
      all("all methods", listDistinct((score) => summary.runs[score.run].method)),
      state.method,
      (method) => change({ method }),
    ),
    makeSelect("Data", all("all data", listDistinct(describeData)), state.data, (data) =>
      change({ data }),
    ),
    makeSelect(
      "Protocol",
      all("all protocols", listDistinct((score) => score.protocol)),
      state.protocol,
      (protocol) => change({ protocol }),
    ),
    makeSelect(
      "Category",
      ROW_NAMES.map((name, row) => [row, row === MEAN_ROW ? "mean of all six" : name]),
      state.row,
      (row) => change({ row: Number(row) }),
    ),
  );
}
