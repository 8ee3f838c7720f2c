"use strict";

// The dialog behind every number: what it is, the worst failures, and where it comes from.

function drawNumber(score, row, metric) {
  const value = score.values[row][metric];
  const interval = score.intervals[row][metric];
  const [instances, detections, matched] =
    row === MEAN_ROW
      ? [0, 1, 2].map((column) => score.counts.reduce((sum, counts) => sum + counts[column], 0))
      : score.counts[row];
  return make(
    "section",
    { class: "number-card" },
    make(
      "p",
      { class: "big" },
      formatValue(value, metric),
      interval
        ? make("small", {}, `95 % interval ${formatValue(interval[0], metric)} to ${formatValue(interval[1], metric)}`)
        : null,
    ),
    make("p", {}, `${instances} objects, ${detections} detections, ${matched} matched, ${score.frames} frames.`),
    score.notes.length ? make("ul", {}, score.notes.map((note) => make("li", {}, note))) : null,
  );
}

function drawProvenance(protocolLines, part) {
  const own = protocolLines.length ? [["Protocol", protocolLines]] : [];
  return make(
    "section",
    {},
    make("h3", {}, "Provenance"),
    [...own, ...part.provenance].map(([title, lines]) =>
      make("details", { open: title === "Protocol" || title === "Run" }, make("summary", {}, title), drawFacts(lines)),
    ),
  );
}

function openDetails(score, row, metric) {
  const part = readBlock(`run-${score.run}`);
  const options = Object.entries(score.options).map(([name, value]) => [name, String(value)]);
  showDialog(
    `${ROW_NAMES[row]}: ${summary.metrics[metric].title}`,
    [`${nameRun(score.run)} · ${summary.runs[score.run].name} · ${score.protocol}`, describeData(score)],
    [
      drawNumber(score, row, metric),
      drawFailures(part, row),
      drawProvenance([["protocol", score.protocol], ...options], part),
    ],
  );
}

function showDialog(title, hints, sections) {
  const dialog = byId("details");
  dialog.replaceChildren(
    make(
      "header",
      {},
      make(
        "div",
        {},
        make("h2", { id: "details-title" }, title),
        hints.map((hint) => make("p", { class: "hint" }, make("bdi", {}, hint))),
      ),
      make("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() }, "×"),
    ),
    ...sections,
  );
  dialog.showModal();
  dialog.scrollTop = 0;
}

function closeOnBackdrop() {
  const dialog = byId("details");
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
