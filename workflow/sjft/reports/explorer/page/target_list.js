"use strict";
// The list of target images, and the filters above it.

async function showTargets() {
  if (!document.getElementById("detail")) {
    main.replaceChildren(h("div", { class: "columns" }, picker(), h("div", { id: "detail" })));
  }
  choose(false);
  await detail();
}

function picker() {
  const classes = Explorer.index.classes.map((name, label) => h("option", { value: label }, name));
  const difficulties = { "": "any", wrong: "wrong", right: "right" };
  const orders = { list: "as listed", hard: "hardest first", easy: "easiest first", many: "most neighbours first" };
  const options = (of) => Object.entries(of).map(([value, text]) => h("option", { value }, text));
  const changed = (key) => (event) => {
    filter[key] = event.target.value;
    choose(true);
  };
  const field = (key, text, element) => {
    element.value = filter[key];
    element.addEventListener("input", changed(key));
    return h("label", null, text, element);
  };
  const list = h("ul", { class: "list", id: "list", "aria-label": "Target images" });
  list.addEventListener("keydown", walk);
  return h(
    "div",
    { role: "search", "aria-label": "Choose a target image" },
    h(
      "div",
      { class: "filters" },
      field("label", "Class", h("select", null, h("option", { value: "" }, "all"), classes)),
      field("difficulty", "After the round", h("select", null, options(difficulties))),
      field("order", "Order", h("select", null, options(orders))),
      field("name", "Name holds", h("input", { type: "search", autocomplete: "off" })),
    ),
    h("div", { class: "pages", id: "pages" }),
    list,
  );
}

// Whom the filters leave, in their order; `fromStart`: show the first page of them.
function choose(fromStart) {
  const { path, label } = Explorer.index.targets;
  const name = filter.name.toLowerCase();
  const r = round();
  const all = [...path.keys()].filter(
    (i) =>
      (filter.label === "" || label[i] === Number(filter.label)) &&
      (filter.difficulty === "" || Explorer.isWrong(r, i) === (filter.difficulty === "wrong")) &&
      path[i].toLowerCase().includes(name),
  );
  const ease = r.probability;
  if (filter.order === "hard") all.sort((a, b) => ease[a] - ease[b] || a - b);
  if (filter.order === "easy") all.sort((a, b) => ease[b] - ease[a] || a - b);
  if (filter.order === "many") all.sort((a, b) => r.neighbours[b] - r.neighbours[a] || a - b);
  state.shown = all;
  const place = all.indexOf(state.target);
  if (fromStart || place < 0) state.page = 0;
  else state.page = Math.floor(place / pageSize());
  drawList();
  if (fromStart) say(plural(all.length, "target image"));
}

const [NARROW, WIDE] = [8, 30]; // target images a page of the list
const pageSize = () => (window.innerWidth < 768 ? NARROW : WIDE);

function drawList() {
  const size = pageSize();
  const last = Math.max(0, Math.ceil(state.shown.length / size) - 1);
  const turn = (by, text) =>
    h(
      "button",
      {
        type: "button",
        disabled: state.page + by < 0 || state.page + by > last,
        onclick: () => {
          state.page += by;
          drawList();
          say(`Page ${state.page + 1} of ${last + 1}`);
          (document.querySelector(`#pages button[data-by="${by}"]:not(:disabled)`) ?? document.querySelector("#list a"))?.focus();
        },
        "data-by": by,
      },
      text,
    );
  const [from, to] = [state.page * size + 1, Math.min((state.page + 1) * size, state.shown.length)];
  const count = h("span", null, to ? `${grouped(from)}–${grouped(to)} of ${grouped(state.shown.length)}` : "none");
  document.getElementById("pages").replaceChildren(turn(-1, "Previous"), count, turn(1, "Next"));
  const some = state.shown.slice(state.page * size, (state.page + 1) * size);
  const list = document.getElementById("list");
  const hadFocus = list.contains(document.activeElement);
  list.replaceChildren(...some.map(listed));
  if (!some.length) list.append(h("li", null, "No target image is like this."));
  if (hadFocus) list.querySelector("a[aria-current]")?.focus();
}

function listed(target) {
  const verdict = Explorer.isWrong(round(), target) ? "wrong" : "right";
  return h(
    "li",
    null,
    h(
      "a",
      { href: address("targets", target), "aria-current": target === state.target ? "true" : null },
      Views.target(target, ""),
      h(
        "span",
        null,
        fileName(Explorer.targetPath(target)),
        h("small", null, `${Explorer.targetClass(target)}, ${verdict}, K = ${round().neighbours[target]}`),
      ),
    ),
  );
}

// Arrows go through the list, Home and End to its ends.
function walk(event) {
  const links = [...document.querySelectorAll("#list a")];
  const at = links.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (to === undefined || !links[to]) return;
  event.preventDefault();
  links[to].focus();
}
