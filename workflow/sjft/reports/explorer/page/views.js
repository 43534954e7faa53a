"use strict";
// What is shown: elements, images, cards, tables. Nothing here knows which view is open.

// An element; `on...` are listeners, text is never read as HTML.
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== ""));
  return element;
}

const NUMBER = /^[\d.,e+-]+( %)?$/; // is not broken into lines
const figures = (value) => (value === null ? "–" : Number(value).toPrecision(3));
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const grouped = (number) => number.toLocaleString("en");
const plural = (number, word) => `${grouped(number)} ${word}${number === 1 ? "" : "s"}`;
// A name that `named` has set apart loses its beginning here, and is set apart anew.
const fileName = (path) => named(path.replace(/[\u2068\u2069]/g, "").split("/").at(-1));

const Views = {
  // An image of a sheet: the sheet, of which a square is seen.
  image(kind, id, alt) {
    const [, columns] = Explorer.index.sheets[kind];
    const place = id % (columns * columns);
    const image = h("img", {
      alt,
      loading: "lazy",
      decoding: "async",
      draggable: "false",
      style:
        `width:${100 * columns}%;left:${-100 * (place % columns)}%;` +
        `top:${-100 * Math.floor(place / columns)}%`,
    });
    image.src = `images/${kind}-${Explorer.number(Math.floor(id / (columns * columns)))}.jpg`;
    return h("span", { class: "image" }, image);
  },

  target: (id, alt) => Views.image("targets", id, alt),

  source(id, alt) {
    if (id < Explorer.index.sourcesImaged) return this.image("sources", id, alt);
    return h("span", { class: "image none", role: "img", "aria-label": `${alt} (no image here)` }, "no image");
  },

  // Cards of source images; each opens its own dialog. `marks`: said of each, and its kind.
  sources(items, open) {
    return items.map(({ source, rank, divergence, mark, kind }) =>
      h(
        "li",
        null,
        h(
          "button",
          { type: "button", class: `card ${kind ?? ""}`, onclick: () => open(source, rank, divergence) },
          this.source(source, ""),
          h("span", { class: "line" }, rank ? h("b", null, `${rank}.`) : "", ` ${Explorer.sourceClass(source)}`),
          divergence === undefined ? "" : h("span", { class: "line" }, `${figures(divergence)} nat`),
          mark ? h("span", { class: "mark" }, mark) : "",
          h("span", { class: "unseen" }, Explorer.sourcePath(source)),
        ),
      ),
    );
  },

  // A list of cards that begins short.
  cards(items, open, first, label) {
    const list = h("ol", { class: "cards", "aria-label": label }, this.sources(items.slice(0, first), open));
    if (items.length <= first) return [list];
    const more = h(
      "button",
      {
        type: "button",
        class: "all",
        onclick: () => {
          const rest = this.sources(items.slice(first), open);
          list.append(...rest);
          more.remove();
          rest[0].firstChild.focus();
        },
      },
      `Show all ${items.length}`,
    );
    return [list, more];
  },

  table(caption, head, rows) {
    return h(
      "table",
      null,
      h("caption", null, caption),
      h("thead", null, h("tr", null, head.map((cell) => h("th", { scope: "col" }, cell)))),
      h(
        "tbody",
        null,
        rows.map(([first, ...cells]) =>
          h("tr", null, h("th", { scope: "row" }, first), cells.map((cell) => h("td", { class: NUMBER.test(cell) ? "number" : null }, cell))),
        ),
      ),
    );
  },

  bar: (share) => h("span", { class: "bar", "aria-hidden": "true", style: `--share:${share}` }),

  // The divergence by rank, where K_i ends, and what random images have.
  curve(divergences, used, random) {
    const svg = (tag, attributes) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    };
    const [width, height] = [400, 110];
    const middle = random[Math.floor(random.length / 2)] ?? 0;
    const most = Math.max(middle, ...divergences) * 1.05 || 1;
    const x = (rank) => (width * rank) / divergences.length;
    const y = (value) => height - (height * value) / most;
    const last = divergences.length;
    const text =
      `Divergence ${last === 1 ? "" : "from "}${figures(divergences[0])} nat at rank 1` +
      `${last === 1 ? "" : ` to ${figures(divergences.at(-1))} at rank ${last}`}; random images: ${figures(middle)} in the middle.`;
    const chart = svg("svg", { viewBox: `0 -2 ${width} ${height + 4}`, role: "img", "aria-label": text, class: "curve" });
    const points = divergences.map((value, i) => `${x(i + 1).toFixed(1)},${y(value).toFixed(1)}`);
    if (last === 1) points.unshift(`0,${y(divergences[0]).toFixed(1)}`); // a point alone is not seen
    chart.append(
      svg("rect", { x: 0, y: 0, width: x(Math.min(used, last)), height, class: "used" }),
      svg("line", { x1: 0, x2: width, y1: y(middle), y2: y(middle), class: "random" }),
      svg("polyline", { points: points.join(" "), class: "near" }),
    );
    const legend = [
      h("span", { class: "key near" }, "neighbours by rank"),
      h("span", { class: "key random" }, "random images' middle"),
      h("span", { class: "key used" }, "used in this round"),
    ];
    return h("figure", { class: "chart" }, chart, h("figcaption", null, legend, h("span", null, text)));
  },
};
