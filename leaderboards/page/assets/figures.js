"use strict";

// The figures of one run, or of two side by side, drawn when they come near the window.

const figures = { first: 0, second: "", protocol: "", hidden: new Set() };

const TRUST_STYLES = ["s-bottle", "s-bowl", "s-camera", "s-mug"];

function listSeries(panel, dashed) {
  return panel.series
    .filter(({ name }) => !figures.hidden.has(name))
    .map(({ name, values }) => ({ name: dashed ? `${name} B` : name, style: `s-${name}`, dashed, values }));
}

function drawPrecision() {
  const first = readBlock(`run-${figures.first}`).curves[figures.protocol] ?? [];
  const second = figures.second === "" ? [] : (readBlock(`run-${figures.second}`).curves[figures.protocol] ?? []);
  return first.map((panel) => {
    const other = second.find((candidate) => candidate.title === panel.title && candidate.last === panel.last);
    const series = [...listSeries(panel, false), ...(other ? listSeries(other, true) : [])];
    return series.length ? drawCurves({ ...panel, series }) : null;
  });
}

function drawRisk(panel) {
  const series = panel.series.map((item, index) => ({ ...item, style: TRUST_STYLES[index % TRUST_STYLES.length] }));
  return drawCurves({ ...panel, title: panel.title, series });
}

function drawTrustLegend(risk) {
  if (!risk.length) return null;
  return make(
    "p",
    { class: "legend" },
    "Trusted by",
    risk[0].series.map(({ name }, index) => make("span", { class: `key ${TRUST_STYLES[index % TRUST_STYLES.length]}` }, name)),
  );
}

function drawLegend() {
  return make(
    "div",
    { class: "legend", role: "group", "aria-label": "Categories shown" },
    ROW_NAMES.map((name) =>
      make(
        "button",
        {
          type: "button",
          class: `key s-${name}`,
          "aria-pressed": String(!figures.hidden.has(name)),
          onclick: () => {
            if (!figures.hidden.delete(name)) figures.hidden.add(name);
            drawFigures();
            [...byId("figure-list").querySelectorAll(".legend button")][ROW_NAMES.indexOf(name)]?.focus();
          },
        },
        name,
      ),
    ),
  );
}

function drawGroup(title, caption, charts, ...before) {
  if (!charts.length) return null;
  return make(
    "article",
    { class: "figure" },
    make("h3", {}, title),
    make("p", { class: "hint" }, caption),
    before,
    make("div", { class: "charts" }, charts),
  );
}

function drawFigures() {
  const run = readBlock(`run-${figures.first}`);
  const features = readBlock("features");
  const compared = figures.second === "" ? "" : ` Solid: A, ${nameRun(figures.first)}. Dashed: B, ${nameRun(figures.second)}.`;
  const groups = [
    drawGroup(
      "AP over thresholds",
      `Protocol ${figures.protocol}. Rotation counts at any translation, translation at any rotation.${compared}`,
      drawPrecision(),
      drawLegend(),
    ),
    drawGroup(
      "Risk over coverage",
      "If only the most trusted share of the estimates is used: how often, and by how much, they are wrong.",
      run.risk.map(drawRisk),
      drawTrustLegend(run.risk),
    ),
    ...run.figures.map((figure) =>
      figure.number === 3
        ? drawGroup("Energy against error", figure.caption, figure.panels.map(drawDensity))
        : drawGroup("Distribution of hypotheses", figure.caption, figure.maps.map(drawRotations)),
    ),
    features ? drawGroup("Features of the encoder", features.caption, features.panels.map(drawFeatures)) : null,
  ].filter(Boolean);
  byId("figure-list").replaceChildren(
    ...(groups.length ? groups : [make("p", { class: "hint" }, "This run has no curves, hypotheses or energies.")]),
  );
}

function drawFigureControls() {
  const names = summary.runs.map((run, index) => [index, `${nameRun(index)} — ${run.name}`]);
  const protocols = [...new Set(summary.scores.map((score) => score.protocol))].filter((name) => !name.startsWith("tracking"));
  figures.protocol = protocols[0] ?? "";
  const set = (values) => {
    Object.assign(figures, values);
    drawFigures();
  };
  byId("figure-controls").append(
    makeSelect("Run A", names, 0, (first) => set({ first: Number(first) })),
    makeSelect("Run B, dashed", [["", "none"], ...names], "", (second) => set({ second })),
    makeSelect("Protocol", protocols.map((name) => [name, name]), figures.protocol, (protocol) => set({ protocol })),
  );
}
