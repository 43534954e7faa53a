
// The matrix: a number leads to the images behind it; the arrow keys go from number to number.
{
  const matrix = document.querySelector(".matrix");
  const panel = document.getElementById("taken");
  const behind = matrix && JSON.parse(document.getElementById("behind").textContent);
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  let opened = null;

  const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

  // One number of the matrix can be reached by Tab: the one that was focused last.
  function focus(button) {
    matrix.querySelector('button[tabindex="0"]')?.setAttribute("tabindex", "-1");
    button.setAttribute("tabindex", "0");
    button.focus();
  }

  function neighbour(cell, [down, right]) {
    let row = cell.parentNode.sectionRowIndex;
    let column = cell.cellIndex;
    for (;;) {
      [row, column] = [row + down, column + right];
      const next = matrix.tBodies[0].rows[row]?.cells[column];
      if (!next || next.tagName === "TH") return null;
      const button = next.querySelector("button");
      if (button) return button;
    }
  }

  function image([path, predicted, sure, own]) {
    const item = document.createElement("li");
    const isRight = own === sure;
    const told = isRight
      ? `told right, ${percent(sure)}`
      : `taken for ${behind.classes[predicted]}, ${percent(sure)}; its own class ${percent(own)}`;
    const place = `${behind.folder}/${path}`;
    const name = path.replace(/[\u202a-\u202e\u2066-\u2069]/g, turning);
    item.append(reaches ? linkTo(place, fromFile(place), name) : name, made("span", told));
    return item;
  }

  // Marks that turn the rest of a line around are told, as `\u202e`.
  const turning = (mark) => `\\u${mark.charCodeAt(0).toString(16)}`;

  // The image itself, which the browser reads now: the page holds no image that is held out.
  function fromFile(path) {
    const shown = Object.assign(document.createElement("img"), { alt: "", src: encoded(path) });
    shown.addEventListener("error", () => shown.remove()); // of a kind that no browser shows
    return shown;
  }

  function open(button) {
    const images = behind.cells[button.dataset.cell];
    const left = Number(button.textContent) - images.length;
    const list = document.createElement("ol");
    list.append(...images.map(image));
    const close = made("button", "Close");
    close.type = "button";
    close.addEventListener("click", shut);
    const more = left > 0 ? [made("p", `${left} more ${left === 1 ? "stands" : "stand"} in predictions.csv.`)] : [];
    panel.replaceChildren(made("h4", button.getAttribute("aria-label")), list, ...more, close);
    panel.hidden = false;
    opened?.removeAttribute("aria-expanded");
    opened = button;
    opened.setAttribute("aria-expanded", "true");
    panel.focus();
    panel.scrollIntoView({ block: "nearest" });
  }

  function shut() {
    panel.hidden = true;
    opened?.removeAttribute("aria-expanded");
    opened?.focus();
    opened = null;
  }

  if (matrix) {
    matrix.querySelector("button")?.setAttribute("tabindex", "0");
    matrix.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      focus(button);
      open(button);
    });
    matrix.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      const next = step && event.target.tagName === "BUTTON" && neighbour(event.target.parentNode, step);
      if (!next) return;
      event.preventDefault();
      focus(next);
    });
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") shut();
    });
  }
}
