"use strict";
// A source image in a dialog, alone or beside a target image.

async function openDialog(title, fill) {
  const close = h("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(close, h("h2", { id: "dialog-title" }, title));
  dialog.showModal();
  dialog.append(...(await fill()));
}

function pairDialog(target, lists, source, rank, divergence) {
  const path = Explorer.sourcePath(source);
  const place = rank ? rank - 1 : -1;
  openDialog(rank ? `Neighbour ${rank}: ${Explorer.sourceClass(source)}` : `At random: ${Explorer.sourceClass(source)}`, async () => [
    h(
      "div",
      { class: "pair" },
      h("figure", null, Views.target(target, "The target image"), h("figcaption", null, `${Explorer.targetPath(target)} `, original("target", target))),
      h("figure", null, Views.source(source, "The source image"), h("figcaption", null, `${Explorer.sourceSet(source)}: ${path} `, original("source", source))),
    ),
    h("p", null, `Divergence ${figures(divergence)} nat.`),
    ...explanation(lists, place, rank),
    ...(await borrowersOf(source)),
  ]).catch(fail);
}

function explanation(lists, place, rank) {
  const { layers, channels, explained } = Explorer.retrieval(round());
  if (!rank) return [];
  if (place >= explained) return [h("p", null, `Layers and channels are kept for the ${explained} nearest.`)];
  const name = (channel) => `${layers[channels[channel][0]]}, channel ${channels[channel][1]}`;
  const rows = (kept) => kept[place].map(([channel, term, usual]) => [name(channel), figures(term), figures(usual)]);
  const head = (first) => [first, "This pair, nat", "Random images, nat"];
  const byLayer = layers.map((layer, i) => [layer, figures(lists.byLayer[place][i]), figures(lists.usualByLayer[i])]);
  return [
    Views.table("Its divergence by layer", head("Layer"), byLayer),
    Views.table("Channels that made it near: the furthest below random images", head("Channel"), rows(lists.near)),
    Views.table("Channels that keep it apart: the largest terms", head("Channel"), rows(lists.apart)),
  ];
}

async function borrowersOf(source) {
  const r = round();
  const pairs = (await Explorer.borrowers(source, r.retrieval)).filter(([target, rank]) =>
    Explorer.isUsed(r, target, source, rank),
  );
  const { listed } = Explorer.retrieval(r);
  const some = pairs.slice(0, 60);
  const left = pairs.length - some.length;
  return [
    h("h3", null, `Borrowed by ${plural(pairs.length, "target image")} among their ${listed} listed`),
    h(
      "ul",
      { class: "cards", "aria-label": "Target images that borrow it" },
      some.map(([target, rank]) =>
        h(
          "li",
          null,
          h(
            "button",
            { type: "button", class: "card", onclick: () => goTo(target) },
            Views.target(target, ""),
            h("span", { class: "line" }, `${Explorer.targetClass(target)}, rank ${rank}`),
            h("span", { class: "unseen" }, Explorer.targetPath(target)),
          ),
        ),
      ),
    ),
    left ? h("p", null, `and ${grouped(left)} more, at higher ranks`) : "",
  ];
}

function goTo(target) {
  dialog.close();
  const there = address("targets", target);
  if (location.hash === there) follow();
  else location.hash = there;
  window.scrollTo(0, 0);
  main.focus();
}
