// Tables that are sorted by their heads and turned page by page. What they show stands in the address.
import { el } from './dom.js';
import { number, plural } from './words.js';

/** Rows of a page. */
const ROWS = 50;

/** `-cost` is by cost, the largest first. */
export function readSort(text, columns, usual) {
  const known = (name) => columns.some((column) => column.name === name && column.by);
  const wanted = known(text.replace(/^-/, '')) ? text : usual;
  return { name: wanted.replace(/^-/, ''), down: wanted.startsWith('-') };
}

// One for all: making one for every comparison takes most of the time of sorting.
const letters = new Intl.Collator('en');

function compare(a, b) {
  // What is not known stands last, whatever the direction.
  if (typeof a === 'string' || typeof b === 'string') return letters.compare(String(a), String(b));
  return a - b;
}

function sorted(rows, columns, { name, down }) {
  const { by } = columns.find((column) => column.name === name);
  const keyed = rows.map((row) => [by(row), row]);
  keyed.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return down ? compare(b, a) : compare(a, b);
  });
  return keyed.map(([, row]) => row);
}

function head(columns, sort, go) {
  return el('thead', {}, el('tr', {}, columns.map((column) => {
    const state = sort.name === column.name ? (sort.down ? 'descending' : 'ascending') : 'none';
    // The second press turns it round; the first takes the direction that tells more.
    const next = state === 'none' ? (column.first || '') + column.name : (sort.down ? '' : '-') + column.name;
    return el('th', { scope: 'col', class: column.kind, 'aria-sort': column.by ? state : null },
      column.by ? el('button', { type: 'button', class: 'sort', 'data-k': `sort-${column.name}`, on: { click: () => go({ sort: next, page: '1' }) } }, column.title) : column.title);
  })));
}

function pages(count, at, go) {
  const last = Math.max(1, Math.ceil(count / ROWS));
  if (last === 1) return null;
  const button = (name, to, text) => el('button', { type: 'button', 'data-k': `page-${name}`, disabled: to < 1 || to > last, on: { click: () => go({ page: String(to) }) } }, text);
  return el('nav', { class: 'pages', 'aria-label': 'Pages of the table' },
    button('previous', at - 1, 'Previous'), el('span', {}, `Page ${number(at)} of ${number(last)}`), button('next', at + 1, 'Next'));
}

/**
 * A table of rows. A column: `name`, `title`, `cell(row)`, and to be sorted by, `by(row)`; `first` is `-` where the largest is
 * of interest first; `kind` is its class; the column with `head` names the row.
 */
export function table({ rows, columns, ask, usual, go, caption, word, words }) {
  const sort = readSort(ask.sort, columns, usual);
  const ordered = sorted(rows, columns, sort);
  const last = Math.max(1, Math.ceil(ordered.length / ROWS));
  const at = Math.min(last, Math.max(1, Number.parseInt(ask.page, 10) || 1));
  const shown = ordered.slice((at - 1) * ROWS, at * ROWS);
  const name = (column) => (typeof column.title === 'string' ? column.title : column.name);
  return [
    el('p', { class: 'told shown', 'data-count': rows.length }, rows.length > ROWS ? `${number((at - 1) * ROWS + 1)} to ${number((at - 1) * ROWS + shown.length)} of ${plural(rows.length, word, words)}` : plural(rows.length, word, words)),
    el('table', { class: 'list' },
      el('caption', { class: 'unseen' }, caption),
      head(columns, sort, go),
      el('tbody', {}, shown.map((row) => el('tr', {}, columns.map((column) => (column.head
        ? el('th', { scope: 'row', class: column.kind }, column.cell(row))
        : el('td', { class: column.kind, 'data-name': name(column) }, column.cell(row)))))))),
    pages(ordered.length, at, go),
  ];
}
