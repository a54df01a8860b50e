// The table: the first rows at once, others when they are asked for, so that what stands below is never far.

/** Rows that are made in one go: more than a screen, and far less than a blink. */
const CHUNK = 40;

/** Rows that are added by one press of the button. */
const STEP = 200;

const VERDICTS = ['broken', 'flaky', 'inconclusive', 'stable'];

const ORDERS = {
  worst: ['Worst first', null],
  rate: ['Failure rate', (a, b) => b.rate - a.rate],
  slow: ['Slowest', (a, b) => (b.seconds || 0) - (a.seconds || 0)],
  name: ['Name', (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)],
};

function interval(row) {
  const x = (value) => +(value * 100).toFixed(2);
  return make('svg', { class: 'interval', viewBox: '0 0 100 9', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    make('rect', { class: 'track', y: 3, width: 100, height: 3 }),
    make('rect', { class: 'band', x: x(row.low), y: 1, width: Math.max(x(row.high) - x(row.low), 0.8), height: 7 }),
    row.ran > 0 ? make('rect', { class: 'mark', x: Math.min(x(row.rate), 99), width: 1, height: 9 }) : null);
}

function rowOf(index) {
  const row = rows.tests[index];
  const badge = make('span', { class: 'badge' }, kindOf(row),
    row.change && row.change !== 'was-there-before' ? make('small', null, row.change)
      : row.severity ? make('small', null, row.severity) : null);
  const strip = row.strip
    ? make('td', { class: 'c-strip', role: 'cell' }, drawStrip(row.strip, rows.attempts, `failed in ${row.failed} of ${plural(row.ran, 'attempt')}`, PLACES))
    : make('td', { class: 'c-strip none', role: 'cell' }, row.failed > 0 ? 'not placed' : row.ran > 0 ? 'no failure' : 'never ran');
  return make('tr', { class: `row v-${row.ignored ? 'unknown' : row.verdict}`, role: 'row' },
    make('th', { class: 'c-name', scope: 'row', role: 'rowheader' },
      make('button', { type: 'button', class: 'open', 'aria-expanded': 'false', 'data-test': index },
        make('span', { class: 'id', dir: 'auto' }, row.id || '(no name)'))),
    make('td', { role: 'cell' }, badge),
    make('td', { class: 'failed', role: 'cell' }, make('b', null, String(row.failed)), ` / ${row.ran}`),
    make('td', { class: 'c-rate rate', role: 'cell' }, row.says, interval(row)),
    strip);
}

function toggle(button) {
  const index = Number(button.dataset.test);
  const line = button.closest('tr');
  const open = button.getAttribute('aria-expanded') === 'true';
  button.setAttribute('aria-expanded', String(!open));
  if (open) {
    button.removeAttribute('aria-controls');
    line.nextElementSibling.remove();
    return;
  }
  if (toggle.details === undefined) toggle.details = read('details') || [];
  const id = `detail-${index}`;
  const cell = make('td', { colspan: 5, role: 'cell' }, panel(rows.tests[index], toggle.details[index]));
  line.after(make('tr', { class: `detail ${line.classList[1]}`, id, role: 'row' }, cell));
  button.setAttribute('aria-controls', id);
}

function emptyTable() {
  const head = ['Test', 'Verdict', 'Failed', 'Rate, with its interval', 'Attempts'];
  return make('table', { class: 'table', role: 'table', 'aria-labelledby': 'tests-title' },
    make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...head.map((name) => make('th', { scope: 'col', role: 'columnheader' }, name)))));
}

/** Takes a table away. Thousands of rows at once would take longer than a blink: they go piece by piece, unseen. */
function takeAway(view) {
  view.classList.add('leaving');
  view.setAttribute('aria-hidden', 'true');
  const step = () => {
    for (let count = 0; count < 4 && view.tBodies.length > 0; count += 1) view.tBodies[0].remove();
    if (view.tBodies.length > 0) requestAnimationFrame(step);
    else view.remove();
  };
  requestAnimationFrame(step);
}

/** Finds, sorts and shows. */
class Table {
  constructor(section) {
    this.section = section;
    this.query = '';
    this.verdicts = new Set();
    this.order = 'worst';
    this.found = [];
    this.shown = 0;
    this.lower = rows.tests.map((row) => row.id.toLowerCase());
    this.view = emptyTable();
    this.more = make('button', { type: 'button' });
    this.all = make('button', { type: 'button' }, 'Show all');
    this.growing = make('div', { class: 'more' }, this.more, this.all);
    this.told = make('p', { class: 'shown' });
    this.nothing = make('p', { class: 'empty', hidden: true }, 'No test is like that.');
    section.append(tools(this), this.told, this.view, this.nothing, this.growing);
    this.listen();
    this.refresh();
  }

  listen() {
    for (const [button, step] of [[this.more, STEP], [this.all, Infinity]]) {
      button.addEventListener('click', () => {
        const at = this.shown;
        this.growTo(at + step);
        const next = this.view.querySelectorAll('.open')[at];
        if (next) next.focus({ preventScroll: true });
      });
    }
    this.section.addEventListener('click', (event) => {
      const button = event.target.closest('.open');
      if (button) toggle(button);
    });
  }

  tell() {
    const count = rows.tests.length;
    const out = rows.left_out > 0 ? `; ${plural(rows.left_out, 'test')} more in the JSON report` : '';
    const some = this.found.length === count ? '' : `${this.found.length.toLocaleString('en')} of `;
    this.told.textContent = `${some}${plural(count, 'test')}${out}`;
    const left = this.found.length - this.shown;
    this.growing.hidden = left <= 0;
    this.all.hidden = left <= STEP;
    this.more.textContent = `Show ${Math.min(left, STEP).toLocaleString('en')} more of ${left.toLocaleString('en')}`;
  }

  grow() {
    const next = this.found.slice(this.shown, this.shown + CHUNK);
    if (next.length > 0) this.view.append(make('tbody', { role: 'rowgroup' }, ...next.map(rowOf)));
    this.shown += next.length;
    this.tell();
  }

  /** A piece per frame: the page stays awake however many there are. */
  growTo(count) {
    const { found } = this;
    const step = () => {
      if (this.found !== found || this.shown >= Math.min(count, found.length)) return;
      this.grow();
      requestAnimationFrame(step);
    };
    step();
  }

  refresh() {
    const parts = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (row, index) => (this.verdicts.size === 0 || this.verdicts.has(kindOf(row)))
      && parts.every((part) => this.lower[index].includes(part));
    this.found = [...rows.tests.keys()].filter((index) => fits(rows.tests[index], index));
    const by = ORDERS[this.order][1];
    if (by) this.found.sort((a, b) => by(rows.tests[a], rows.tests[b]) || a - b);
    const before = this.view;
    this.view = emptyTable();
    before.before(this.view);
    takeAway(before);
    this.nothing.hidden = this.found.length > 0;
    this.view.hidden = this.found.length === 0;
    this.shown = 0;
    this.grow();
  }

  /** Shows what has this text in its name. */
  find(text) {
    this.query = text;
    this.verdicts.clear();
    this.section.querySelectorAll('.chip').forEach((chip) => chip.setAttribute('aria-pressed', 'false'));
    this.section.querySelector('input').value = text;
    this.refresh();
  }
}

/** What a row is filed under. */
const kindOf = (row) => (row.ignored ? 'ignored' : row.verdict);

function tools(table) {
  const heard = () => { table.refresh(); say(table.told.textContent); };
  const order = make('select', { 'aria-label': 'Order', class: 'tool' }, ...Object.entries(ORDERS).map(([value, [name]]) => make('option', { value }, name)));
  order.addEventListener('change', () => { table.order = order.value; heard(); });
  return make('div', { class: 'tools' }, search(table, heard),
    make('div', { class: 'chips', role: 'group', 'aria-label': 'Show only' }, ...chips(table, heard)), order);
}

function search(table, heard) {
  const field = make('input', { type: 'search', placeholder: 'Find tests', 'aria-label': 'Find tests by parts of their names', spellcheck: 'false', autocomplete: 'off' });
  let waiting = 0;
  field.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { table.query = field.value; heard(); }, 120);
  });
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input, select, textarea');
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); field.focus(); }
  });
  return field;
}

function chips(table, heard) {
  const counts = new Map();
  for (const row of rows.tests) counts.set(kindOf(row), (counts.get(kindOf(row)) || 0) + 1);
  return [...VERDICTS, 'unknown', 'ignored'].filter((kind) => counts.has(kind)).map((kind) => {
    const chip = make('button', { type: 'button', class: `chip v-${kind}`, 'aria-pressed': 'false' }, `${kind} ${counts.get(kind).toLocaleString('en')}`);
    chip.addEventListener('click', () => {
      const on = !table.verdicts.delete(kind);
      if (on) table.verdicts.add(kind);
      chip.setAttribute('aria-pressed', String(on));
      heard();
    });
    return chip;
  });
}
