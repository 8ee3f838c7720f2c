"use strict";

// The paper's tables and its claims, each drawn when it is opened.

const VERDICTS = { holds: "✓ holds", fails: "✗ fails", untestable: "? untestable" };

function addSection(id, title, ...content) {
  byId("more").append(
    make("section", { id, "aria-labelledby": `${id}-title` }, make("h2", { id: `${id}-title` }, title), content),
  );
}

/** Make a part that is drawn when it is first opened; its id can be linked to. */
function makeLazy(id, title, drawContent) {
  const box = make("details", { id, class: "lazy" }, make("summary", {}, title));
  const reveal = () => {
    box.open = true;
    if (box.childElementCount === 1) box.append(drawContent());
  };
  box.addEventListener("toggle", () => box.open && reveal());
  window.addEventListener("beforeprint", reveal);
  return box;
}

function openOrigin(table, line, place) {
  const origin = table.origins[line.from[place]];
  const part = origin.run === null ? null : readBlock(`run-${origin.run}`);
  const columns = [...table.leading, ...table.blocks.flatMap((block) => block.columns)];
  showDialog(`Table ${table.number}: ${line.cells[0]}, ${columns[place]}`, origin.run === null ? [] : [nameRun(origin.run)], [
    make("section", { class: "number-card" }, make("p", { class: "big" }, line.cells[place]), drawFacts(origin.facts)),
    ...(part ? [drawFailures(part, MEAN_ROW), drawProvenance([], part)] : []),
  ]);
}

function drawTableLine(table, line) {
  return make(
    "tr",
    {},
    line.cells.map((text, place) => {
      if (place === 0) return make("th", { scope: "row", class: "text" }, make("bdi", {}, text));
      if (place < table.leading.length) return make("td", { class: "text" }, text);
      if (line.from[place] === null) return make("td", { class: "number" }, text);
      const label = `${line.cells[0]}: ${text}`;
      return make(
        "td",
        { class: "number" },
        make(
          "button",
          { type: "button", class: "cell", "aria-label": label, "aria-haspopup": "dialog", onclick: () => openOrigin(table, line, place) },
          text,
        ),
      );
    }),
  );
}

function drawPaperTable(table) {
  const width = table.leading.length + table.blocks.reduce((sum, block) => sum + block.columns.length, 0);
  const body = make("tbody", {});
  table.lines.forEach((line, index) => {
    if (line.group && line.group !== table.lines[index - 1]?.group) {
      body.append(make("tr", { class: "group" }, make("th", { scope: "rowgroup", colspan: width, class: "text" }, line.group)));
    }
    body.append(drawTableLine(table, line));
  });
  const drawn = make(
    "table",
    { class: "paper" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { colspan: table.leading.length, class: "text" }),
        table.blocks.map((block) => make("th", { scope: "colgroup", colspan: block.columns.length, class: "text block" }, make("bdi", {}, block.title))),
      ),
      make(
        "tr",
        {},
        table.leading.map((name) => make("th", { scope: "col", class: "text" }, name)),
        table.blocks.map((block) => block.columns.map((name, index) => make("th", { scope: "col", class: index ? "" : "block" }, nameColumn(name)))),
      ),
    ),
    body,
  );
  makeGrid(drawn);
  return make(
    "div",
    { class: "stack" },
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Table ${table.number}` }, drawn),
    make("ul", { class: "notes" }, table.legend.map((line) => make("li", {}, line))),
  );
}

/** Shorten the thresholds in a column's name: 5deg_2cm is 5° 2 cm. */
function nameColumn(name) {
  return name.replace(/(\d+)deg_(\d+)cm/, "$1° $2 cm").replaceAll("_", " ");
}

function drawTables(tables) {
  if (!tables) return;
  addSection(
    "tables",
    "The paper's tables",
    make("p", { class: "hint" }, "What the paper reports, what was imported, and what was reproduced here, side by side; a number opens where it comes from."),
    tables.map((table) =>
      makeLazy(`table-${table.number}`, `Table ${table.number}. ${table.title} (${table.unit})`, () => drawPaperTable(table)),
    ),
  );
}

function formatMeasure({ name, value, low, high, claimed, unit }) {
  const show = (number) => (number === null ? "–" : String(Number(number.toPrecision(3))));
  const interval = low === high ? "" : ` (95 % ${show(low)} to ${show(high)})`;
  return `${name}: ${show(value)}${interval} ${unit}; claimed: ${claimed}`;
}

function drawFinding(finding) {
  const notes = [finding.protocol && `protocol ${finding.protocol}`, finding.count, finding.resampling, ...finding.notes];
  return make(
    "div",
    { class: "finding" },
    make("span", { class: `verdict v-${finding.verdict}` }, VERDICTS[finding.verdict]),
    make(
      "div",
      {},
      make("p", { class: "name" }, make("bdi", {}, finding.data)),
      finding.measures.length ? make("ul", {}, finding.measures.map((item) => make("li", {}, formatMeasure(item)))) : null,
      finding.reason ? make("p", {}, finding.reason) : null,
      finding.command ? make("p", {}, make("code", {}, finding.command)) : null,
      make("p", { class: "name" }, notes.filter(Boolean).join(" · ")),
      finding.runs.length ? make("p", { class: "name" }, "runs: ", make("bdi", {}, finding.runs.join(", "))) : null,
    ),
  );
}

function drawClaims(claims) {
  if (!claims) return;
  const verdicts = claims.flatMap((claim) => claim.findings.map((finding) => finding.verdict));
  const counted = Object.keys(VERDICTS).map((name) => `${verdicts.filter((verdict) => verdict === name).length} ${name}`);
  addSection(
    "claims",
    "The paper's claims",
    make("p", { class: "hint" }, `${claims.length} claims; findings: ${counted.join(", ")}. A claim holds on data where its whole interval lies on the claimed side.`),
    make(
      "div",
      { class: "claims" },
      claims.map((claim) =>
        make(
          "details",
          { id: `claim-${claim.id}` },
          make(
            "summary",
            {},
            make("span", {}, claim.statement),
            claim.findings.map((finding) => make("span", { class: `verdict v-${finding.verdict}` }, VERDICTS[finding.verdict])),
          ),
          make("p", { class: "hint" }, claim.source),
          claim.findings.map(drawFinding),
        ),
      ),
    ),
  );
}

function drawSections() {
  drawTables(readBlock("tables"));
  drawClaims(readBlock("claims"));
  openLinked();
  window.addEventListener("hashchange", openLinked);
}

/** Open the part that the address names. */
function openLinked() {
  const part = byId(decodeURIComponent(location.hash.slice(1)));
  if (part?.tagName === "DETAILS") part.open = true;
}
