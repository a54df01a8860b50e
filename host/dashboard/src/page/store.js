// What is asked for (it stands in the address), and the documents that answer it.

/** Suites that are read at once; beyond these somebody has to choose. */
const MOST_SUITES = 40;

/** What an address can hold, and what it means to hold nothing. */
const DEFAULTS = { repository: '', suite: '', branch: '', period: '', q: '', show: '', sort: '', page: '1' };

/** Filters that stay when another page is opened. */
const KEPT = ['repository', 'suite', 'branch', 'period'];

/** `#/test/KEY?branch=main` as `{ page: 'test', key: 'KEY', ask: { branch: 'main', … } }`. */
export function readAddress(hash) {
  const [path, query] = hash.replace(/^#/, '').split(/\?(.*)/s);
  const parts = path.split('/').filter(Boolean);
  const pages = { tests: 'tests', runs: 'runs', test: 'test', run: 'run' };
  const page = Object.hasOwn(pages, parts[0] || '') ? pages[parts[0]] : 'overview';
  const given = new URLSearchParams(query || '');
  const ask = {};
  for (const [name, nothing] of Object.entries(DEFAULTS)) ask[name] = given.get(name) ?? nothing;
  return { page, key: parts[1] || '', ask };
}

/** The address of a page; what is as it is anyway does not stand in it. */
export function address(page, key, ask) {
  const query = new URLSearchParams();
  for (const [name, nothing] of Object.entries(DEFAULTS)) {
    if (ask[name] !== undefined && ask[name] !== nothing) query.set(name, ask[name]);
  }
  const path = { overview: '#/', tests: '#/tests', runs: '#/runs', test: `#/test/${key}`, run: `#/run/${key}` }[page];
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** The same filters on another page. */
export function elsewhere(page, key, ask, more = {}) {
  return address(page, key, { ...Object.fromEntries(KEPT.map((name) => [name, ask[name]])), ...more });
}

/** There is no such document. */
export class Missing extends Error {}

/** Documents, read once as long as nothing changes. */
export class Documents {
  constructor() {
    this.read = new Map();
    this.version = null;
  }

  async fetch(path) {
    const response = await fetch(new URL(path, document.baseURI), { cache: 'no-cache', credentials: 'same-origin' });
    if (response.status === 404) throw new Missing(path);
    if (!response.ok) throw new Error((await response.text()).trim().slice(0, 200) || `${response.status}`);
    return response.json();
  }

  /** Asks whether there is anything new, and forgets what is old. */
  async refresh() {
    const version = await this.fetch('data/version.json');
    const changed = !this.version || this.version.stamp !== version.stamp;
    if (changed) this.read.clear();
    this.version = version;
    return changed;
  }

  get(path) {
    if (!this.read.has(path)) {
      const asked = this.fetch(path);
      // What failed may work the next time.
      asked.catch(() => { if (this.read.get(path) === asked) this.read.delete(path); });
      this.read.set(path, asked);
    }
    return this.read.get(path);
  }

  index() { return this.get('data/index.json'); }

  test(key) { return this.get(`data/test/${encodeURIComponent(key)}.json`); }

  run(key) { return this.get(`data/run/${encodeURIComponent(key)}.json`); }

  /** The views that are asked for, a suite each: `{ views: [[series, view]], leftOut }`. */
  async views(index, ask) {
    const chosen = chosenSeries(index, ask).slice().sort((a, b) => b.last - a.last);
    const now = chosen.slice(0, MOST_SUITES);
    const period = periodOf(index, ask, this.version.as_of);
    const views = await Promise.all(now.map(async (series) => {
      const branch = ask.branch === '' ? 'all' : series.branches.find((known) => known.name === ask.branch)?.key;
      return branch ? [series, await this.get(`data/view/${series.key}/${branch}/${period}.json`)] : null;
    }));
    return { views: views.filter(Boolean), leftOut: chosen.length - now.length };
  }

  /** Lists of runs that are asked for: `{ runs: [[series, run]], leftOut }`, newest first. */
  async runs(index, ask) {
    const chosen = chosenSeries(index, ask).slice().sort((a, b) => b.last - a.last);
    const lists = await Promise.all(chosen.slice(0, MOST_SUITES).map(async (series) => [series, await this.get(`data/runs/${series.key}.json`)]));
    const [since, until] = spanOf(periodOf(index, ask, this.version.as_of), this.version.as_of);
    const asked = (run) => (ask.branch === '' || run.branch === ask.branch) && run.started >= since && run.started < until;
    const runs = lists.flatMap(([series, list]) => list.runs.filter(asked).map((run) => [series, run]));
    runs.sort(([, a], [, b]) => b.started - a.started);
    return { runs, leftOut: lists.reduce((sum, [, list]) => sum + list.left_out, 0) };
  }
}

/** Suites that the filters leave. */
export function chosenSeries(index, ask) {
  return index.series.filter((series) => (ask.repository === '' || series.repository === ask.repository)
    && (ask.suite === '' || series.suite === ask.suite));
}

/** The period asked for; else the last 30 days, or everything where there was no run in these. */
export function periodOf(index, ask, asOf) {
  if (index.periods.includes(ask.period)) return ask.period;
  const newest = Math.max(...chosenSeries(index, ask).map((series) => series.last));
  return newest >= spanOf('month', asOf)[0] ? 'month' : 'all';
}

const DAY = 86400;

/** From when to when a period is, as the program has it: whole days that end today. */
export function spanOf(period, asOf) {
  const until = (Math.floor(asOf / DAY) + 1) * DAY;
  const days = { week: 7, month: 30, quarter: 90, year: 364 }[period];
  return days ? [until - days * DAY, until] : [-Infinity, Infinity];
}
