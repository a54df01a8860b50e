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
  const badge = make('span', { class: 'badge' }, row.ignored ? 'ignored' : row.verdict,
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
function table(section) {
  const state = { query: '', verdicts: new Set(), order: 'worst', found: [], shown: 0 };
  const lower = rows.tests.map((row) => row.id.toLowerCase());
  let view = emptyTable();
  const more = make('button', { type: 'button' });
  const all = make('button', { type: 'button' }, 'Show all');
  const growing = make('div', { class: 'more' }, more, all);
  const shown = make('p', { class: 'shown' });
  const nothing = make('p', { class: 'empty', hidden: true }, 'No test is like that.');

  const tell = () => {
    const { found } = state;
    const count = rows.tests.length;
    const out = rows.left_out > 0 ? `; ${plural(rows.left_out, 'test')} more in the JSON report` : '';
    shown.textContent = found.length === count ? `${plural(count, 'test')}${out}` : `${found.length.toLocaleString('en')} of ${plural(count, 'test')}${out}`;
    const left = found.length - state.shown;
    growing.hidden = left <= 0;
    all.hidden = left <= STEP;
    more.textContent = `Show ${Math.min(left, STEP).toLocaleString('en')} more of ${left.toLocaleString('en')}`;
  };
  const grow = () => {
    const next = state.found.slice(state.shown, state.shown + CHUNK);
    if (next.length === 0) return;
    view.append(make('tbody', { role: 'rowgroup' }, ...next.map(rowOf)));
    state.shown += next.length;
    tell();
  };
  // A piece per frame: the page stays awake however many there are.
  const growTo = (count) => {
    const { found } = state;
    const step = () => {
      if (state.found !== found || state.shown >= Math.min(count, found.length)) return;
      grow();
      requestAnimationFrame(step);
    };
    step();
  };
  const refresh = () => {
    const parts = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    state.found = [];
    rows.tests.forEach((row, index) => {
      const kind = row.ignored ? 'ignored' : row.verdict;
      if (state.verdicts.size > 0 && !state.verdicts.has(kind)) return;
      if (parts.every((part) => lower[index].includes(part))) state.found.push(index);
    });
    const by = ORDERS[state.order][1];
    if (by) state.found.sort((a, b) => by(rows.tests[a], rows.tests[b]) || a - b);
    state.shown = 0;
    const before = view;
    view = emptyTable();
    before.before(view);
    takeAway(before);
    nothing.hidden = state.found.length > 0;
    view.hidden = state.found.length === 0;
    grow();
    tell();
  };
  section.append(tools(state, refresh, shown), shown, view, nothing, growing);
  refresh();
  for (const [button, step] of [[more, STEP], [all, Infinity]]) {
    button.addEventListener('click', () => {
      const at = state.shown;
      growTo(at + step);
      const next = view.querySelectorAll('.open')[at];
      if (next) next.focus({ preventScroll: true });
    });
  }
  section.addEventListener('click', (event) => {
    const button = event.target.closest('.open');
    if (button) toggle(button);
  });
  return (text) => {
    state.query = text;
    state.verdicts.clear();
    section.querySelectorAll('.chip').forEach((chip) => chip.setAttribute('aria-pressed', 'false'));
    section.querySelector('input').value = text;
    refresh();
  };
}

function tools(state, refresh, shown) {
  const search = make('input', { type: 'search', placeholder: 'Find tests', 'aria-label': 'Find tests by parts of their names', spellcheck: 'false', autocomplete: 'off' });
  const heard = () => say(shown.textContent);
  let waiting = 0;
  search.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.query = search.value; refresh(); heard(); }, 120);
  });
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input, select, textarea');
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); search.focus(); }
  });
  const counts = new Map();
  for (const row of rows.tests) {
    const kind = row.ignored ? 'ignored' : row.verdict;
    counts.set(kind, (counts.get(kind) || 0) + 1);
  }
  const kinds = [...VERDICTS, 'unknown', 'ignored'].filter((kind) => counts.has(kind));
  const chips = kinds.map((kind) => {
    const chip = make('button', { type: 'button', class: `chip v-${kind}`, 'aria-pressed': 'false' }, `${kind} ${counts.get(kind).toLocaleString('en')}`);
    chip.addEventListener('click', () => {
      const on = !state.verdicts.delete(kind);
      if (on) state.verdicts.add(kind);
      chip.setAttribute('aria-pressed', String(on));
      refresh();
      heard();
    });
    return chip;
  });
  const order = make('select', { 'aria-label': 'Order', class: 'tool' }, ...Object.entries(ORDERS).map(([value, [name]]) => make('option', { value }, name)));
  order.addEventListener('change', () => { state.order = order.value; refresh(); heard(); });
  return make('div', { class: 'tools' }, search, make('div', { class: 'chips', role: 'group', 'aria-label': 'Show only' }, ...chips), order);
}
