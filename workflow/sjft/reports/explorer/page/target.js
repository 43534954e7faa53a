"use strict";
// One target image: its rounds, its neighbours, and random images.

async function detail() {
  const { target } = state;
  const r = round();
  const [lists] = await Promise.all([Explorer.lists(target, r.retrieval), Explorer.loadSources()]);
  if (target !== state.target || r !== round() || state.view !== "targets") return; // clicked on meanwhile
  const open = (source, rank, divergence) => pairDialog(target, lists, source, rank, divergence);
  const items = lists.sources.map((source, i) => {
    const used = Explorer.isUsed(r, target, source, i + 1);
    const mark = used ? "✓ used" : "not used";
    return { source, rank: i + 1, divergence: lists.divergences[i], mark, kind: used ? "used" : "unused" };
  });
  const random = lists.random.map((source, i) => ({ source, divergence: lists.randomDivergences[i] }));
  const used = items.filter((item) => item.kind === "used").length;
  const [k, listed] = [r.neighbours[target], items.length];
  const beyond = k > listed ? ` Of its ${k} neighbours the first ${listed} are listed here; pairs.csv has all.` : "";
  document.getElementById("detail").replaceChildren(
    h(
      "div",
      { class: "head" },
      h("div", { class: "large", style: "flex:none" }, Views.target(target, `Target image ${Explorer.targetPath(target)}`)),
      h(
        "div",
        null,
        h("h2", null, fileName(Explorer.targetPath(target))),
        h("p", null, `Class ${Explorer.targetClass(target)}. `, original("target", target)),
        roundsOf(target),
      ),
    ),
    h("h3", null, `Its nearest source images${byRetrieval(r, (name, bank) => `, by the retrieval ${name} (filter bank ${bank})`)}`),
    h("p", null, `${used} of the ${listed} listed ${used === 1 ? "is" : "are"} used in this round (K = ${k}).${beyond} ${classesOf(items)}`),
    ...Views.cards(items, open, FIRST, "Nearest source images, nearest first"),
    Views.curve(lists.divergences, k, lists.randomDivergences),
    h("h3", null, RANDOM),
    ...Views.cards(random, open, FIRST, RANDOM),
  );
  say(`${Explorer.targetPath(target)}: ${used} of ${plural(listed, "listed source image")} used`);
}

function classesOf(items) {
  const counts = new Map();
  for (const { source, kind } of items) {
    if (kind !== "used") continue;
    const name = Explorer.sourceClass(source);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5);
  return most.length ? `Their classes: ${most.map(([name, n]) => `${name} ${n}`).join(", ")}.` : "";
}

// What became of a target image: in each round of each arm, how many neighbours, how well told.
function roundsOf(target) {
  const rows = Explorer.index.rounds.map((r, i) => {
    const told = Explorer.isWrong(r, target) ? `wrong: ${Explorer.index.classes[r.predicted[target]]}` : h("span", { class: "number" }, "right");
    const name = i === state.round ? h("b", null, roundName(r)) : roundName(r);
    return [name, String(r.neighbours[target]), told, percent(r.probability[target]), figures(r.entropy[target])];
  });
  const head = ["Round", "K", "Told", "Own class", "Entropy"];
  return Views.table("Neighbours in each round, and how well the network told the image after it", head, rows);
}

// The link to an image's own file; of a source image, `kind` is "source".
function original(kind, id) {
  const { originals, targets } = Explorer.index;
  const [folder, path] =
    kind === "target"
      ? [originals.target, targets.path[id]]
      : [originals.sources[Explorer.sourceSet(id)], Explorer.sources.path[id]];
  const url = [folder, path].join("/").split("/").map(encodeURIComponent).join("/");
  return h("a", { href: url, target: "_blank", rel: "noopener" }, "The file itself");
}
