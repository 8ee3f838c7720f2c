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

/** Return where a panel's values lie: by index along the axis, and by value up it. */
function scaleCurves({ top, series }) {
  const count = series[0].values.length;
  return { count, xAt: (index) => placeX(index / (count - 1)), yAt: (value) => placeY(value / top) };
}

/** Return what all curves of a panel say at a share of the axis, and marks on them. */
function readCurves(panel, share) {
  const { x: [name, unit], last, series } = panel;
  const { count, xAt, yAt } = scaleCurves(panel);
  const index = Math.round(share * (count - 1));
  const at = Number(((index / (count - 1)) * last).toPrecision(3));
  return {
    text: [
      make("strong", {}, `${name} ${withUnit(at, unit)}`),
      ...series.map(({ name, style, values }) => make("span", { class: `key ${style}` }, `${name} ${values[index]}`)),
    ],
    marks: [
      draw("line", { x1: xAt(index), x2: xAt(index), y1: placeY(0), y2: placeY(1) }),
      ...series.map(({ style, values }) => draw("circle", { class: style, cx: xAt(index), cy: yAt(values[index]), r: 2.5 })),
    ],
  };
}

/** Draw a panel of curves over even steps from 0 to `last`, from 0 up to `top`. */
function drawCurves(panel) {
  const { title, x: [xName, xUnit], y: [yName, yUnit], last, top, series } = panel;
  const { count, xAt, yAt } = scaleCurves(panel);
  const trace = (values) => values.map((value, index) => `${xAt(index).toFixed(1)} ${yAt(value).toFixed(1)}`).join("L");
  const axes = drawAxes(
    listRound(last).map((value) => [value / last, String(value)]),
    listRound(top).map((value) => [value / top, String(value)]),
    `${xName} (${xUnit})`,
    `${yName} (${yUnit})`,
  );
  const lines = series.map(({ style, dashed, values }) =>
    draw("path", { class: `curve ${style}${dashed ? " dashed" : ""}`, d: `M${trace(values)}` }),
  );
  return frameChart({
    title,
    description: title,
    content: [axes, lines],
    pick: (share) => readCurves(panel, share),
    step: 1 / (count - 1),
  });
}
