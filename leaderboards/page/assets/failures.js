"use strict";

// The worst failures of a run and category: small pictures, and a large one that turns.

function describeFailure(failure) {
  return `${formatError(failure.degree, "°")}, ${formatError(failure.cm, " cm")}`;
}

function formatError(value, unit) {
  return value === null ? "–" : value.toFixed(value < 10 ? 1 : 0) + unit;
}

function readObject(failure) {
  return failure.object === null ? null : readBlock(`object-${failure.object}`);
}

function drawThumbnail(failure, onChoose) {
  const shown = readObject(failure);
  const canvas = make("canvas", { "aria-hidden": "true" });
  const points = shown?.cloud ? decodeCloud(shown.cloud) : [];
  requestAnimationFrame(() => {
    if (shown?.picture) renderCrop(canvas, failure, shown);
    else renderCloud(canvas, failure, points, { yaw: 0, pitch: 0, zoom: 1 });
  });
  return make(
    "button",
    { type: "button", class: "thumbnail", "aria-pressed": "false", onclick: onChoose },
    canvas,
    make("span", {}, make("b", {}, summary.categories[failure.category].name), ` ${describeFailure(failure)}`),
  );
}

function drawLarge(failure) {
  const shown = readObject(failure);
  const points = shown?.cloud ? decodeCloud(shown.cloud) : [];
  const viewer = makeViewer(failure, points);
  const crop = shown?.picture ? make("canvas", { class: "crop", role: "img", "aria-label": "Colour crop with both boxes" }) : null;
  requestAnimationFrame(() => {
    viewer.redraw();
    if (crop) renderCrop(crop, failure, shown);
  });
  const facts = [
    ["frame", failure.frame],
    ["object", failure.instance],
    ["rotation error", formatError(failure.degree, "°")],
    ["translation error", formatError(failure.cm, " cm")],
    ["box overlap", String(failure.overlap)],
    ["confidence", String(failure.confidence)],
    ...(failure.visible >= 0 ? [["visible pixels", String(failure.visible)]] : []),
  ];
  return make(
    "div",
    { class: "large" },
    make("div", { class: "views" }, viewer.canvas, crop),
    make(
      "div",
      {},
      make(
        "p",
        { class: "legend" },
        make("span", { class: "key k-truth" }, "truth"),
        make("span", { class: "key k-prediction" }, "prediction"),
      ),
      drawFacts(facts),
      make(
        "p",
        { class: "hint" },
        points.length ? "Drag or use the arrow keys to turn, + and − to zoom." : "No cloud is kept of this object: boxes only.",
      ),
    ),
  );
}

function drawFacts(facts) {
  return make(
    "dl",
    {},
    facts.map(([name, value]) => [make("dt", {}, make("bdi", {}, name)), make("dd", {}, make("bdi", {}, value))]),
  );
}

function drawFailures(part, row) {
  const chosen = part.failures.filter((failure) => row === MEAN_ROW || failure.category === row);
  const missed = row === MEAN_ROW ? part.missed.reduce((sum, count) => sum + count, 0) : part.missed[row];
  const stage = make("div", {});
  const thumbnails = chosen.map((failure) =>
    drawThumbnail(failure, (event) => {
      for (const button of thumbnails) button.setAttribute("aria-pressed", "false");
      event.currentTarget.setAttribute("aria-pressed", "true");
      stage.replaceChildren(drawLarge(failure));
    }),
  );
  return make(
    "section",
    {},
    make("h3", {}, "Worst failures"),
    make("p", { class: "hint" }, `${missed} objects were matched to no detection at all.`),
    chosen.length ? make("div", { class: "thumbnails" }, thumbnails) : make("p", {}, "Nothing was matched."),
    stage,
  );
}
