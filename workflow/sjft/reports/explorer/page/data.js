"use strict";
// The data: scripts that call Explorer.receive, loaded when they are first asked for.

// A name as a part of a sentence: marks that turn the rest of a line around are told, as `\u202e`,
// and letters that are read from right to left take nothing along that stands beside them.
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

function named(name) {
  const plain = name.replace(TURNING, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);
  return RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
}

// The names of classes in data/index.js as they are shown.
function withNames(index) {
  const pairs = ([name, ...rest]) => [named(name), ...rest];
  for (const round of index.rounds) {
    round.classes = round.classes.map(pairs);
    round.byTargetClass = Object.fromEntries(
      Object.entries(round.byTargetClass).map(([name, from]) => [named(name), from.map(pairs)]),
    );
  }
  return { ...index, classes: index.classes.map(named), bad: index.bad.map(named) };
}

const Explorer = {
  index: null, // data/index.js
  sources: null, // data/sources.js: loaded behind the first view
  loaded: new Map(), // name -> promise of its content
  waiting: new Map(), // name -> what resolves that promise
  KEPT: 40, // scripts in memory: what was looked at long ago is loaded anew

  receive(name, content) {
    if (name === "index") {
      this.index = withNames(content);
      this.start();
    } else {
      this.waiting.get(name)(content);
      this.waiting.delete(name);
    }
  },

  load(name) {
    const known = this.loaded.get(name);
    if (known) {
      this.loaded.delete(name); // and to the end: the last that is dropped
      this.loaded.set(name, known);
      return known;
    }
    const promise = new Promise((resolve, reject) => {
      this.waiting.set(name, resolve);
      const script = document.createElement("script");
      script.src = `data/${name}.js`;
      script.onload = () => script.remove();
      script.onerror = () => {
        script.remove();
        this.waiting.delete(name);
        this.loaded.delete(name);
        reject(new Error(`data/${name}.js cannot be loaded. Copy the whole folder, or make it again.`));
      };
      document.head.append(script);
    });
    this.loaded.set(name, promise);
    for (const old of this.loaded.keys()) {
      if (this.loaded.size <= this.KEPT) break;
      if (old !== "sources" && !this.waiting.has(old)) this.loaded.delete(old);
    }
    return promise;
  },

  async loadSources() {
    if (!this.sources) {
      const found = await this.load("sources");
      this.sources ??= { ...found, classes: found.classes.map(named) };
    }
    return this.sources;
  },

  number: (n) => String(n).padStart(4, "0"),

  // What a way of retrieval says of one target image.
  async lists(target, retrieval) {
    const size = this.index.targetsAScript;
    const script = await this.load(`targets-${this.number(Math.floor(target / size))}`);
    const all = script[retrieval];
    const of = {};
    for (const key of Object.keys(all)) of[key] = all[key][target % size];
    return of;
  },

  // [[target, rank], ...]: in whose lists a source image stands.
  async borrowers(source, retrieval) {
    const size = this.index.sourcesAScript;
    const script = await this.load(`borrowers-${this.number(Math.floor(source / size))}`);
    const flat = script[retrieval][source % size];
    const pairs = [];
    for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i], flat[i + 1]]);
    return pairs;
  },

  round: (number) => Explorer.index.rounds[number],
  retrieval: (round) => Explorer.index.retrievals.find((r) => r.name === round.retrieval),

  // Whether a round borrows a source image for a target image that has it at this rank.
  isUsed(round, target, source, rank) {
    round.given ??= new Set(round.classes.map(([name]) => name));
    return rank <= round.neighbours[target] && round.given.has(this.sourceClass(source));
  },

  sourceClass: (source) => Explorer.sources.classes[Explorer.sources.label[source]],
  // As they are shown; the address of a file has them as they are.
  sourcePath: (source) => named(Explorer.sources.path[source]),
  sourceSet: (source) => Explorer.sources.names[Explorer.sources.source[source]],
  targetPath: (target) => named(Explorer.index.targets.path[target]),
  targetClass: (target) => Explorer.index.classes[Explorer.index.targets.label[target]],
  isWrong: (round, target) => round.predicted[target] !== Explorer.index.targets.label[target],
};
