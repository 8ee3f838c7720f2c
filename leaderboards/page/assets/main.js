"use strict";

const THEMES = ["light dark", "light", "dark"];
const THEME_NAMES = { "light dark": "Auto", light: "Light", dark: "Dark" };

function readTheme() {
  try {
    return localStorage.getItem("genbench-theme") ?? THEMES[0];
  } catch {
    return THEMES[0]; // no storage where the browser forbids it
  }
}

function storeTheme(theme) {
  try {
    localStorage.setItem("genbench-theme", theme);
  } catch {
    // the choice lasts until the page is closed
  }
}

function applyTheme(theme) {
  const known = THEMES.includes(theme) ? theme : THEMES[0];
  document.documentElement.style.colorScheme = known;
  byId("theme").textContent = THEME_NAMES[known];
  byId("theme").setAttribute("aria-label", `Theme: ${THEME_NAMES[known]}. Change it.`);
  return known;
}

function startTheme() {
  let theme = applyTheme(readTheme());
  byId("theme").addEventListener("click", () => {
    theme = applyTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
    storeTheme(theme);
  });
}

function drawIntro() {
  const data = new Set(summary.scores.map(describeData)).size;
  const methods = new Set(summary.runs.map((run) => run.method)).size;
  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  byId("intro").textContent = `${count(summary.runs.length, "run")} of ${count(methods, "method")} on ${count(data, "data set")}.`;
}

function drawNotes() {
  const lines = [...summary.limits, ...summary.left_out.map((line) => `Left out: ${line}`)];
  byId("note-list").append(...lines.map((line) => make("li", {}, line)));
}

function drawNavigation() {
  const sections = [...document.querySelectorAll("main section[id]")];
  byId("nav").append(
    ...sections.map((section) =>
      make("a", { href: `#${section.id}` }, section.dataset.short ?? section.querySelector("h2").textContent),
    ),
  );
}

/** Draw the figures once they come near the window. */
function drawFiguresLater() {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      if (!byId("figure-list").childElementCount) drawFigures();
    },
    { rootMargin: "300px" },
  );
  observer.observe(byId("figures"));
  window.addEventListener("beforeprint", drawFigures);
}

startTheme();
drawIntro();
drawFilters();
onChange(drawLeaderboard);
drawHeatmapControls();
onChange(drawHeatmap);
change({});
drawFigureControls();
drawFiguresLater();
drawSections();
drawNotes();
drawNavigation();
closeOnBackdrop();
