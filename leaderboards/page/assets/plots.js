"use strict";

// The charts of hypotheses and features: cells of counts, maps of rotations, clouds of features.

/** Return the share of an axis at which a value lies, where `edges` are evenly spaced on it. */
function findShare(value, edges) {
  const last = edges.length - 1;
  if (value <= edges[0]) return 0;
  if (value >= edges[last]) return 1;
  const index = edges.findIndex((edge) => edge > value) - 1;
  const within = (value - edges[index]) / (edges[index + 1] - edges[index]);
  return (index + within) / last;
}

function formatShort(value) {
  if (value === null) return "–";
  const size = Math.abs(value);
  if (size >= 10000 || (size > 0 && size < 0.001)) return value.toExponential(0).replace("e+", "e");
  return String(Number(value.toPrecision(size >= 100 ? 3 : 2)));
}

function listTicks(edges, count) {
  const last = edges.length - 1;
  return Array.from({ length: count }, (_, index) => {
    const place = Math.round((index * last) / (count - 1));
    return [place / last, formatShort(edges[place])];
  });
}

/** Draw the cells of a table of counts that are not empty; `count` holds one list a column. */
function drawCells(count) {
  const [columns, rows] = [count.length, count[0].length];
  const most = Math.log1p(Math.max(1, ...count.flat()));
  return count.flatMap((column, i) =>
    column.map((value, j) =>
      value
        ? draw("rect", {
            ...placeCell(i, j, columns, rows),
            "fill-opacity": (0.12 + (0.88 * Math.log1p(value)) / most).toFixed(2),
          })
        : null,
    ),
  );
}

function placeCell(i, j, columns, rows) {
  const [width, height] = [INNER.width / columns, INNER.height / rows];
  return { x: placeX(i / columns), y: placeY((j + 1) / rows), width: width + 0.3, height: height + 0.3 };
}

/** Return what the cell at a place says, and its outline. */
function readCell(panel, x, y) {
  const { count, energy_edges: energies, error_edges: errors, unit } = panel;
  const [columns, rows] = [count.length, count[0].length];
  const i = Math.min(columns - 1, Math.floor(x * columns));
  const j = Math.min(rows - 1, Math.floor(y * rows));
  const between = (edges, index) => `${formatShort(edges[index])} to ${formatShort(edges[index + 1])}`;
  return {
    text: [
      make("strong", {}, `${count[i][j].toLocaleString("en")} hypotheses`),
      make("span", {}, `energy ${between(energies, i)}, error ${between(errors, j)} ${unit}`),
    ],
    marks: [draw("rect", placeCell(i, j, columns, rows))],
  };
}

/** Draw how many hypotheses lie in each cell of energy and error, and the curve of mean errors. */
function drawDensity(panel) {
  const { count, energy_edges: energies, error_edges: errors, quantity } = panel;
  const means = panel.mean_energy.map((energy, index) => {
    const y = placeY(findShare(panel.mean_error[index], errors));
    return `${placeX(findShare(energy, energies)).toFixed(1)} ${y.toFixed(1)}`;
  });
  return frameChart({
    title: `Energy against ${quantity} error`,
    description: `Energy against ${quantity} error`,
    content: [
      drawAxes(listTicks(energies, 5), listTicks(errors, 5), `${quantity} energy`, `${quantity} error (${panel.unit})`),
      draw("g", { class: "cells" }, drawCells(count)),
      draw("path", { class: "curve s-mean", d: `M${means.join("L")}` }),
    ],
    pick: (x, y) => readCell(panel, x, y),
    step: 1 / count.length,
  });
}

/** Return which of some places is nearest to a point, -1 if none is within 20 units. */
function findNearest(places, x, y) {
  const distances = places.map(([px, py]) => Math.hypot(px - x, py - y));
  const nearest = distances.indexOf(Math.min(...distances));
  return distances[nearest] < 20 ? nearest : -1;
}

/** Draw sampled rotations on a map of the sphere: place of the x axis, and turn about it as hue. */
function drawRotations(map) {
  const unit = INNER.width / 4; // the map is an ellipse of half axes 2 and 1
  const toPlace = ([x, y]) => [placeX(0.5) + unit * x, placeY(0.5) - unit * y];
  const hue = (turn) => `hsl(${Math.round((turn * 180) / Math.PI + 180)} 75% 50%)`;
  const spot = (place, attributes) => {
    const [cx, cy] = toPlace(place);
    return draw("circle", { cx, cy, ...attributes });
  };
  const spots = map.place.map((place, index) =>
    spot(place, { r: 3.2, fill: hue(map.turn[index]), class: "spot" }),
  );
  const orbit = map.orbit_place.map((place) => spot(place, { r: 0.9, class: "orbit" }));
  const [cx, cy] = toPlace([0, 0]);
  const title = `${map.category}: ${map.symmetric ? "symmetric" : "not symmetric"}`;
  const places = map.place.map(toPlace);
  const pick = (x, y) => {
    const nearest = findNearest(places, placeX(x), placeY(y));
    if (nearest < 0) return null;
    const turn = Math.round((map.turn[nearest] * 180) / Math.PI);
    return {
      text: [
        make("strong", {}, `hypothesis ${nearest + 1} of ${map.place.length}`),
        make("span", {}, `turn about the x axis ${turn}° (truth ${Math.round((map.truth_turn * 180) / Math.PI)}°)`),
      ],
      marks: [spot(map.place[nearest], { r: 6 })],
    };
  };
  return frameChart({
    title,
    description: `Rotations sampled for one ${title}`,
    content: [
      draw("ellipse", { class: "globe", cx, cy, rx: 2 * unit, ry: unit }),
      orbit,
      spots,
      spot(map.truth_place, { r: 7, class: "truth" }),
    ],
    pick,
  });
}

/** Draw the features of clouds in the plane, by category; crosses for the one left out of training. */
function drawFeatures(panel) {
  const ends = [0, 1].map((axis) => {
    const values = panel.place.map((place) => place[axis]);
    return [Math.min(...values), Math.max(...values)];
  });
  const share = (value, [low, high]) => (value - low) / (high - low || 1);
  const places = panel.place.map(([x, y]) => [placeX(share(x, ends[0])), placeY(share(y, ends[1]))]);
  const mark = ([x, y], category) =>
    category === panel.unseen
      ? draw("path", { class: `cross-mark s-${category}`, d: `M${x - 3} ${y - 3}l6 6m0 -6l-6 6` })
      : draw("circle", { class: `dot s-${category}`, cx: x, cy: y, r: 2.2 });
  const title = panel.unseen ? `without ${panel.unseen}` : "trained on all categories";
  const pick = (x, y) => {
    const nearest = findNearest(places, placeX(x), placeY(y));
    if (nearest < 0) return null;
    const category = panel.category[nearest];
    const text = [make("strong", { class: `key s-${category}` }, category)];
    if (panel.nearest[category]) text.push(make("span", {}, `its features are nearest to those of ${panel.nearest[category]}`));
    return { text, marks: [draw("circle", { cx: places[nearest][0], cy: places[nearest][1], r: 5 })] };
  };
  return frameChart({
    title: `${panel.run}: ${title}`,
    description: `Encoder features, ${title}`,
    content: places.map((place, index) => mark(place, panel.category[index])),
    pick,
  });
}
