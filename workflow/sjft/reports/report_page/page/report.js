"use strict";
// Sorts a table by the column whose heading is pressed; a second time the other way round.
const NUMBER = /^[+-]?[\d,.]+(e[+-]?\d+)?( %)?$/i;
const value = (row, column) => row.cells[column].textContent.trim();
const number = (text) => parseFloat(text.replaceAll(",", ""));
const status = document.getElementById("status");

function compare(one, other) {
  if (NUMBER.test(one) && NUMBER.test(other)) return number(one) - number(other);
  return one.localeCompare(other, "en", { numeric: true });
}

function sort(table, heading) {
  const column = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const empty = (row) => value(row, column) === "-" || value(row, column) === "";
  const rows = [...body.rows].sort((a, b) => {
    if (empty(a) !== empty(b)) return empty(a) ? 1 : -1; // what is not known stands last
    return (down ? -1 : 1) * compare(value(a, column), value(b, column));
  });
  body.append(...rows);
  status.textContent = `Sorted by ${heading.textContent}, ${down ? "descending" : "ascending"}`;
}

for (const table of document.querySelectorAll("table:not(.matrix)")) {
  if (!table.tHead || !table.tBodies.length) continue;
  for (const cell of table.querySelectorAll("td")) {
    if (NUMBER.test(cell.textContent.trim())) cell.classList.add("number");
  }
  for (const heading of table.tHead.rows[0].cells) {
    const below = [...table.tBodies[0].rows].map((row) => row.cells[heading.cellIndex]);
    if (below.some((cell) => cell?.classList.contains("number"))) {
      heading.classList.add("number");
      // What is not known stands where the numbers do.
      for (const cell of below) if (cell?.textContent.trim() === "-") cell.classList.add("number");
    }
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(table, heading));
    heading.append(button);
  }
}

// Where the page is a part of another one, the address of a section cannot be followed.
for (const link of document.querySelectorAll("nav a, .skip")) {
  link.addEventListener("click", (event) => {
    const section = document.getElementById(link.getAttribute("href").slice(1));
    if (location.protocol !== "file:") event.preventDefault();
    section.scrollIntoView();
    section.focus({ preventScroll: true });
  });
}

// Files beside the page can be reached from the page alone.
const reaches = location.protocol === "file:" && window.top === window;

// The address of a file beside the page, whatever it is called.
const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

function linkTo(path, ...content) {
  const link = document.createElement("a");
  link.href = encoded(path);
  link.append(...content);
  return link;
}

if (reaches) {
  for (const element of document.querySelectorAll("[data-link]")) {
    const [path, place] = element.dataset.link.split("#"); // of pages that have no # in their name
    const link = linkTo(path, ...element.childNodes);
    if (place) link.hash = place;
    element.append(link);
  }
}

// In print everything is to be seen.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
