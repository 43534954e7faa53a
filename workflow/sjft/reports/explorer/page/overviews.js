"use strict";
// What a round borrows as a whole, and what the page is.

function mostBorrowed() {
  const r = round();
  const items = r.mostBorrowed.map(([source, by, divergence]) => ({
    ...{ source, divergence, mark: `by ${plural(by, "image")}` },
  }));
  const open = (source) =>
    openDialog(`${Explorer.sourceClass(source)}: ${fileName(Explorer.sourcePath(source))}`, async () => [
      h("div", { class: "large" }, Views.source(source, "The source image")),
      h("p", null, `${Explorer.sourceSet(source)}: ${Explorer.sourcePath(source)} `, original("source", source)),
      ...(await borrowersOf(source)),
    ]).catch(fail);
  return [
    h("h2", null, "The most borrowed source images"),
    h("p", null, `${plural(r.images, "source image")} ${r.images === 1 ? "is" : "are"} used in this round, in ${plural(r.pairs, "pair")}. The divergence is to the nearest of those that borrow it.`),
    ...Views.cards(items, open, 48, "Most borrowed source images, by the number of target images"),
  ];
}

function classTables() {
  const r = round();
  const most = r.classes[0]?.[2] || 1;
  const given = r.classes.map(([name, images, pairs]) => [name, grouped(images), [Views.bar(pairs / most), grouped(pairs)], percent(pairs / r.pairs)]);
  const borrowing = Object.entries(r.byTargetClass).map(([name, from]) => [name, from.map(([other, n]) => `${other} ${grouped(n)}`).join(", ")]);
  return [
    h("h2", null, "Classes"),
    Views.table("Source classes that give most", ["Source class", "Images", "Pairs", "Share of pairs"], given),
    Views.table("From which source classes each target class borrows most (pairs)", ["Target class", "Source classes"], borrowing),
  ];
}

function about() {
  const { index } = Explorer;
  const shown = index.targets.path.length;
  const others = Object.entries(index.otherArms).map(([arm, why]) => h("li", null, `${arm}: ${why}.`));
  const retrievals = index.retrievals.map((r) =>
    h("li", null, `Retrieval ${r.name} (filter bank ${r.bank}): listed: the first ${r.listed} of ${plural(r.onFile, "neighbour")} on file; explained: the first ${r.explained}.`),
  );
  return [
    h("h2", null, "About this page"),
    h("p", null, "Each target image borrows its K nearest source images: those with the smallest symmetric Kullback-Leibler divergence between the two images' histograms of filter responses. The smaller, the more alike; 0 nat is the same."),
    h("p", null, "A layer's or channel's term is its part of that sum. Random images are " + `${index.retrievals[0]?.pool ?? 0} source images drawn once; their mean says what is usual for a target image. Channels that made a pair near are those whose terms are the furthest below it.`),
    h("p", null, "All target images are training images. Right, wrong and entropy are the network's own after the round, on the images that it was trained on. Images that are held out for tests are not read."),
    h("h3", null, "What is here, and what is not"),
    h(
      "ul",
      null,
      h("li", null, `${grouped(shown)} of ${plural(index.targetsInAll, "target image")}${shown < index.targetsInAll ? ", spread evenly over the list" : ""}.`),
      h("li", null, `${grouped(index.sourcesNamed)} of ${plural(index.sourcesInAll, "source image")} ${index.sourcesNamed === 1 ? "stands" : "stand"} in some list. Shown as images: ${grouped(index.sourcesImaged)} of these, the others by name.`),
      retrievals,
      h("li", null, `Images that could not be read, and are grey: ${index.bad.length}.`),
      index.bad.slice(0, 20).map((line) => h("li", null, line)),
    ),
    others.length ? h("h3", null, "Arms without neighbours of their own") : "",
    others.length ? h("ul", null, others) : "",
    h("h3", null, "Keys"),
    h("p", null, "Tab goes through the page, the arrow keys through the list of target images, Enter opens, Escape closes a window, and the browser's Back goes back."),
  ].filter((part) => part !== "");
}
