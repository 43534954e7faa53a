"use strict";
// The page: the address says which round and view are open, `#ROUND/VIEW/NUMBER`. Pages that
// lead here know the path of an image alone, and may leave out the round: `#/targets/PATH`.

const VIEWS = { targets: "Target images", sources: "Most borrowed", classes: "Classes", about: "About this page" };
const FIRST = 24; // neighbours that are shown before one asks for all
const RANDOM = "Random source images, for comparison";
const state = { round: 0, view: "targets", target: 0, page: 0, shown: [] };
const filter = { label: "", difficulty: "", order: "list", name: "" };
const main = document.getElementById("main");
const dialog = document.getElementById("dialog");
const select = document.getElementById("round");

const round = () => Explorer.round(state.round);
const address = (view, number) => `#${state.round}/${view}${number === undefined ? "" : `/${number}`}`;
const say = (text) => (document.getElementById("status").textContent = text);
// A retrieval is named where there are several.
const byRetrieval = (r, name) => (Explorer.index.retrievals.length > 1 ? name(r.retrieval, Explorer.retrieval(r).bank) : "");
const roundName = (r) => `${r.arm}, seed ${r.seed}, round ${r.round}${byRetrieval(r, (name) => ` (${name})`)}`;

Explorer.start = function () {
  this.index.rounds.forEach((r, i) => select.append(h("option", { value: i }, roundName(r))));
  state.round = this.index.rounds.length ? lastRound() : 0;
  select.addEventListener("change", () => {
    const [, ...rest] = location.hash.slice(1).split("/");
    location.hash = [select.value, ...(rest.length ? rest : [state.view])].join("/");
  });
  window.addEventListener("hashchange", () => {
    const before = state.target;
    follow();
    const isNarrow = pageSize() === NARROW; // where the image stands below the list
    if (isNarrow && state.view === "targets" && state.target !== before) {
      document.getElementById("detail")?.scrollIntoView();
    }
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  follow();
};

// The last round of the first arm: what the published run is trained on.
function lastRound() {
  const [first] = Explorer.index.rounds;
  return Explorer.index.rounds.findLastIndex((r) => r.arm === first.arm && r.seed === first.seed);
}

function follow() {
  const [number, view, id] = location.hash.slice(1).split("/");
  if (Explorer.index.rounds[number]) state.round = Number(number);
  state.view = view in VIEWS ? view : "targets";
  document.getElementById("lost")?.remove();
  if (state.view === "targets" && id !== undefined) openTarget(id);
  // Whole, so that Back leads here again.
  if (state.view === "targets") history.replaceState(null, "", address("targets", state.target));
  if (dialog.open) dialog.close();
  select.value = state.round;
  document.getElementById("views").replaceChildren(
    ...Object.entries(VIEWS).map(([name, title]) =>
      h("a", { href: address(name), "aria-current": name === state.view ? "page" : null }, title),
    ),
  );
  show().catch(fail);
}

function openTarget(id) {
  const paths = Explorer.index.targets.path;
  const number = /^\d+$/.test(id) ? Number(id) : paths.indexOf(decodeURIComponent(id));
  if (number in paths) state.target = number;
  else main.before(h("p", { id: "lost", role: "alert" }, `${named(decodeURIComponent(id))} is not among the images of this page`));
}

function fail(error) {
  main.replaceChildren(h("p", { role: "alert" }, String(error.message ?? error)));
  throw error;
}

async function show() {
  if (state.view === "targets") return showTargets();
  await Explorer.loadSources();
  main.replaceChildren(...{ sources: mostBorrowed, classes: classTables, about }[state.view]());
}
