"use strict";

// A cloud with the true and the predicted box on a canvas: seen from the camera at first, turned
// with the pointer or the arrow keys about the middle of the true box.

const EDGES = [
  [0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7],
];
const AXIS_SHARE = 0.6;

function decodeCloud(cloud) {
  const bytes = Uint8Array.from(atob(cloud.levels), (character) => character.charCodeAt(0));
  const levels = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 6 }, (_, point) =>
    cloud.centre.map((middle, axis) => middle + cloud.step * levels.getInt16(6 * point + 2 * axis, true)),
  );
}

function transformPoint(pose, [x, y, z]) {
  return [0, 4, 8].map((row) => pose[row] * x + pose[row + 1] * y + pose[row + 2] * z + pose[row + 3]);
}

function listCorners({ pose, size }) {
  return Array.from({ length: 8 }, (_, corner) =>
    transformPoint(pose, size.map((side, axis) => (corner & (1 << axis) ? side / 2 : -side / 2))),
  );
}

/** Return the end points of an object's up axis (y), from its middle. */
function listUpAxis({ pose, size }) {
  return [[0, 0, 0], [0, AXIS_SHARE * Math.max(...size), 0]].map((end) => transformPoint(pose, end));
}

/** Return a function that turns camera points about a centre: yaw, then pitch, in radians. */
function makeTurn(centre, yaw, pitch) {
  const [cosYaw, sinYaw, cosPitch, sinPitch] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return (point) => {
    const [x, y, z] = point.map((value, axis) => value - centre[axis]);
    const [turnedX, depth] = [cosYaw * x + sinYaw * z, -sinYaw * x + cosYaw * z];
    return [turnedX, cosPitch * y - sinPitch * depth, sinPitch * y + cosPitch * depth];
  };
}

function traceBox(context, box, project) {
  const corners = listCorners(box).map(project);
  context.beginPath();
  for (const [from, to] of [...EDGES.map(([a, b]) => [corners[a], corners[b]]), listUpAxis(box).map(project)]) {
    context.moveTo(from[0], from[1]);
    context.lineTo(to[0], to[1]);
  }
  context.stroke();
}

/** Draw both boxes; the prediction is dashed, so that colour alone tells nothing. */
function drawBoxes(context, failure, project, colours, width) {
  for (const [box, colour, dash] of [
    [failure.truth, colours.truth, []],
    [failure.prediction, colours.prediction, [4 * width, 2.5 * width]],
  ]) {
    context.setLineDash([]);
    context.strokeStyle = colours.halo;
    context.lineWidth = 2.6 * width;
    traceBox(context, box, project);
    context.setLineDash(dash);
    context.strokeStyle = colour;
    context.lineWidth = width;
    traceBox(context, box, project);
  }
}

function readColours(node) {
  const style = getComputedStyle(node);
  const probe = (name) => {
    node.style.color = `var(${name})`;
    const colour = style.color;
    node.style.color = "";
    return colour;
  };
  return { point: probe("--muted"), truth: probe("--truth"), prediction: probe("--prediction"), halo: probe("--halo") };
}

/** Scale a canvas for sharp lines; return its context and its size in CSS pixels. */
function prepareCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const side = canvas.clientWidth || 150;
  canvas.width = canvas.height = Math.round(side * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return [context, side];
}

function renderCloud(canvas, failure, points, view) {
  const [context, side] = prepareCanvas(canvas);
  const colours = readColours(canvas);
  const centre = [3, 7, 11].map((index) => failure.truth.pose[index]);
  const turn = makeTurn(centre, view.yaw, view.pitch);
  const far = [...points, ...listCorners(failure.truth), ...listCorners(failure.prediction)]
    .map((point) => Math.hypot(...point.map((value, axis) => value - centre[axis])))
    .sort((a, b) => a - b);
  const scale = (view.zoom * 0.46 * side) / far[Math.floor(0.98 * (far.length - 1))];
  const project = (point) => {
    const [x, y, depth] = turn(point);
    return [side / 2 + scale * x, side / 2 + scale * y, depth];
  };
  context.fillStyle = colours.point;
  const dot = Math.max(1.2, side / 150);
  for (const [x, y] of points.map(project)) context.fillRect(x - dot / 2, y - dot / 2, dot, dot);
  drawBoxes(context, failure, project, colours, Math.max(1.2, side / 200));
}

/** Draw the colour crop with both boxes on it, through the camera's intrinsics. */
function renderCrop(canvas, failure, shown) {
  const image = new Image();
  image.onload = () => {
    const [context, side] = prepareCanvas(canvas);
    const [left, top, width] = shown.window;
    const [fx, fy, cx, cy] = shown.intrinsics;
    context.drawImage(image, 0, 0, side, side * (shown.window[3] / width));
    const scale = side / width;
    const project = ([x, y, z]) => [scale * ((fx * x) / z + cx - left), scale * ((fy * y) / z + cy - top)];
    drawBoxes(context, failure, project, readColours(canvas), Math.max(1.2, side / 200));
  };
  image.src = shown.picture;
}

/** Make a canvas that pointer and keys turn. */
function makeViewer(failure, points) {
  const view = { yaw: 0, pitch: 0, zoom: 1 };
  const canvas = make("canvas", {
    class: "viewer",
    tabindex: "0",
    role: "img",
    "aria-label": "Cloud with both boxes. Arrow keys turn it, plus and minus zoom, zero resets.",
  });
  const redraw = () => renderCloud(canvas, failure, points, view);
  const moves = {
    ArrowLeft: () => (view.yaw -= 0.15),
    ArrowRight: () => (view.yaw += 0.15),
    ArrowUp: () => (view.pitch -= 0.15),
    ArrowDown: () => (view.pitch += 0.15),
    "+": () => (view.zoom = Math.min(4, view.zoom * 1.2)),
    "-": () => (view.zoom = Math.max(0.5, view.zoom / 1.2)),
    0: () => Object.assign(view, { yaw: 0, pitch: 0, zoom: 1 }),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    moves[event.key]();
    redraw();
  });
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    view.yaw += event.movementX / 100;
    view.pitch += event.movementY / 100;
    redraw();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    moves[event.deltaY < 0 ? "+" : "-"]();
    redraw();
  });
  return { canvas, redraw };
}
