"use strict";

// Small charts in SVG. Each has a readout below it that follows the pointer, or the arrow keys when
// the chart has the focus.

const FRAME = { width: 340, height: 240, left: 48, right: 8, top: 10, bottom: 38 };
const INNER = {
  width: FRAME.width - FRAME.left - FRAME.right,
  height: FRAME.height - FRAME.top - FRAME.bottom,
};

const placeX = (share) => FRAME.left + share * INNER.width;
const placeY = (share) => FRAME.top + (1 - share) * INNER.height;

/** Draw axes with ticks; a tick is [share of the axis, text]. */
function drawAxes(xTicks, yTicks, xLabel, yLabel) {
  return draw(
    "g",
    { class: "axes" },
    yTicks.map(([share, text]) => [
      draw("line", { x1: placeX(0), x2: placeX(1), y1: placeY(share), y2: placeY(share) }),
      draw("text", { x: FRAME.left - 6, y: placeY(share) + 4, "text-anchor": "end" }, text),
    ]),
    xTicks.map(([share, text]) => [
      draw("line", { x1: placeX(share), x2: placeX(share), y1: placeY(0), y2: placeY(0) + 4 }),
      draw("text", { x: placeX(share), y: placeY(0) + 17, "text-anchor": share === 1 ? "end" : "middle" }, text),
    ]),
    draw("text", { class: "label", x: placeX(0.5), y: FRAME.height - 4, "text-anchor": "middle" }, xLabel),
    draw(
      "text",
      {
        class: "label",
        transform: `translate(10 ${placeY(0.5)}) rotate(-90)`,
        "text-anchor": "middle",
      },
      yLabel,
    ),
  );
}

/** Return round numbers from 0 up to `last`, about four steps of them. */
function listRound(last) {
  const power = 10 ** Math.floor(Math.log10(last / 4));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= last / 4.5) * power;
  return Array.from({ length: Math.floor(last / step + 1e-9) + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

/** Put a chart, its title and its readout together; `pick(share x, share y)` returns the readout. */
function frameChart({ title, description, content, pick, step }) {
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const cross = draw("g", { class: "cross" });
  const svg = draw(
    "svg",
    {
      viewBox: `0 0 ${FRAME.width} ${FRAME.height}`,
      role: "img",
      tabindex: "0",
      "aria-label": `${description}. Arrow keys read values.`,
    },
    content,
    cross,
  );
  const show = (x, y) => {
    const picked = pick(Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y)));
    readout.replaceChildren(...(picked?.text ?? []));
    cross.replaceChildren(...(picked?.marks ?? []));
  };
  const clear = () => {
    readout.replaceChildren();
    cross.replaceChildren();
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * FRAME.width;
    const y = ((event.clientY - box.top) / box.height) * FRAME.height;
    show((x - FRAME.left) / INNER.width, 1 - (y - FRAME.top) / INNER.height);
  });
  svg.addEventListener("pointerleave", clear);
  svg.addEventListener("blur", clear);
  followKeys(svg, show, step);
  return make("figure", { class: "chart" }, make("figcaption", {}, title), svg, readout);
}

function followKeys(svg, show, step = 0.02) {
  const at = { x: 0.5, y: 0.5 };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  svg.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [x, y] = moves[event.key];
    at.x = Math.min(1, Math.max(0, at.x + step * x));
    at.y = Math.min(1, Math.max(0, at.y + step * y));
    show(at.x, at.y);
  });
}

const withUnit = (number, unit) => `${number}${unit === "%" || unit === "" ? unit : ` ${unit}`}`;

/** Draw a panel of curves over even steps from 0 to `last`, from 0 up to `top`. */
function drawCurves({ title, x: [xName, xUnit], y: [yName, yUnit], last, top, series }) {
  const count = series[0].values.length;
  const xAt = (index) => placeX(index / (count - 1));
  const yAt = (value) => placeY(value / top);
  const lines = series.map(({ style, dashed, values }) =>
    draw("path", {
      class: `curve ${style}${dashed ? " dashed" : ""}`,
      d: `M${values.map((value, index) => `${xAt(index).toFixed(1)} ${yAt(value).toFixed(1)}`).join("L")}`,
    }),
  );
  const axes = drawAxes(
    listRound(last).map((value) => [value / last, String(value)]),
    listRound(top).map((value) => [value / top, String(value)]),
    `${xName} (${xUnit})`,
    `${yName} (${yUnit})`,
  );
  const pick = (x) => {
    const index = Math.round(x * (count - 1));
    return {
      text: [
        make("strong", {}, `${xName} ${withUnit(Number(((index / (count - 1)) * last).toPrecision(3)), xUnit)}`),
        series.map(({ name, style, values }) => make("span", { class: `key ${style}` }, `${name} ${values[index]}`)),
      ].flat(),
      marks: [
        draw("line", { x1: xAt(index), x2: xAt(index), y1: placeY(0), y2: placeY(1) }),
        ...series.map(({ style, values }) => draw("circle", { class: style, cx: xAt(index), cy: yAt(values[index]), r: 2.5 })),
      ],
    };
  };
  return frameChart({ title, description: title, content: [axes, lines], pick, step: 1 / (count - 1) });
}

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

/** Draw how many hypotheses lie in each cell of energy and error, and the curve of mean errors. */
function drawDensity(panel) {
  const { count, energy_edges: xs, error_edges: ys } = panel;
  const most = Math.max(1, ...count.flat());
  const [columns, rows] = [count.length, count[0].length];
  const cells = count.flatMap((column, i) =>
    column.map((value, j) =>
      value
        ? draw("rect", {
            x: placeX(i / columns),
            y: placeY((j + 1) / rows),
            width: INNER.width / columns + 0.3,
            height: INNER.height / rows + 0.3,
            "fill-opacity": (0.12 + 0.88 * (Math.log1p(value) / Math.log1p(most))).toFixed(2),
          })
        : null,
    ),
  );
  const means = panel.mean_energy.map((energy, index) => {
    const y = placeY(findShare(panel.mean_error[index], ys));
    return `${placeX(findShare(energy, xs)).toFixed(1)} ${y.toFixed(1)}`;
  });
  const pick = (x, y) => {
    const i = Math.min(columns - 1, Math.floor(x * columns));
    const j = Math.min(rows - 1, Math.floor(y * rows));
    const between = (edges, index) => `${formatShort(edges[index])} to ${formatShort(edges[index + 1])}`;
    return {
      text: [
        make("strong", {}, `${count[i][j].toLocaleString("en")} hypotheses`),
        make("span", {}, `energy ${between(xs, i)}, error ${between(ys, j)} ${panel.unit}`),
      ],
      marks: [
        draw("rect", {
          x: placeX(i / columns),
          y: placeY((j + 1) / rows),
          width: INNER.width / columns,
          height: INNER.height / rows,
        }),
      ],
    };
  };
  const [name, unit] = [panel.quantity, panel.unit === "deg" ? "°" : panel.unit];
  return frameChart({
    title: `Energy against ${name} error`,
    description: `Energy against ${name} error`,
    content: [
      drawAxes(listTicks(xs, 5), listTicks(ys, 5), `${name} energy`, `${name} error (${unit})`),
      draw("g", { class: "cells" }, cells),
      draw("path", { class: "curve s-mean", d: `M${means.join("L")}` }),
    ],
    pick,
    step: 1 / columns,
  });
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
  const pick = (x, y) => {
    const distance = (place) => {
      const [px, py] = toPlace(place);
      return Math.hypot(px - placeX(x), py - placeY(y));
    };
    const distances = map.place.map(distance);
    const nearest = distances.indexOf(Math.min(...distances));
    if (!(distances[nearest] < 20)) return null;
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
