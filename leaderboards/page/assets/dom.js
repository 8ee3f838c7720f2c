"use strict";

// Elements are made here and nowhere else. Text becomes text nodes and attributes are set one by
// one, so that nothing a file says can ever be markup.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** Make an HTML element: attributes, listeners as "onclick", then children. */
function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);
}

function byId(id) {
  return document.getElementById(id);
}

const parsed = new Map();

/** Return what a block of JSON in the page holds; it is parsed when first asked for. */
function readBlock(name) {
  if (!parsed.has(name)) {
    const block = byId(`data-${name}`);
    parsed.set(name, block ? JSON.parse(block.textContent) : null);
  }
  return parsed.get(name);
}

/** Make a labelled choice; `options` are [value, text] pairs. */
function makeSelect(label, options, chosen, onChoose) {
  const select = make("select", { onchange: () => onChoose(select.value) });
  for (const [value, text] of options) {
    select.append(make("option", { value, selected: String(value) === String(chosen) }, text));
  }
  return make("label", { class: "field" }, make("span", {}, label), select);
}

/** Let arrow keys, Home and End move between the buttons of a table's body; one takes the tab. */
function makeGrid(table) {
  const rows = () => [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("button")]);
  const buttons = rows().flat();
  buttons.forEach((button, index) => (button.tabIndex = index ? -1 : 0));
  table.tBodies[0].addEventListener("keydown", (event) => {
    const grid = rows().filter((row) => row.length);
    const y = grid.findIndex((row) => row.includes(event.target));
    if (y < 0) return;
    const x = grid[y].indexOf(event.target);
    const goal = {
      ArrowRight: [y, x + 1],
      ArrowLeft: [y, x - 1],
      ArrowDown: [y + 1, x],
      ArrowUp: [y - 1, x],
      Home: [y, 0],
      End: [y, grid[y].length - 1],
    }[event.key];
    if (!goal) return;
    event.preventDefault();
    const next = grid[goal[0]]?.[Math.min(goal[1], (grid[goal[0]]?.length ?? 1) - 1)];
    if (goal[1] >= 0 && next) focusCell(table, next);
  });
  table.tBodies[0].addEventListener("focusin", (event) => {
    if (event.target.tagName === "BUTTON") focusCell(table, event.target, false);
  });
}

function focusCell(table, button, move = true) {
  for (const other of table.querySelectorAll("tbody button[tabindex='0']")) other.tabIndex = -1;
  button.tabIndex = 0;
  if (move) button.focus();
}
