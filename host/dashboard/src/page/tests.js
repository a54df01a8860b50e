// The list of tests, and the page of one.
import { el, outside } from './dom.js';
import { failuresOf, interval, moments, outcome, sparkline, strip } from './charts.js';
import { elsewhere, periodOf, spanOf } from './store.js';
import { table } from './table.js';
import { ago, badge, commitText, day, duration, number, percent, PERIODS, plural, testName, time, visible, visibleLines, when } from './words.js';

const SHOWN = [
  ['', 'Failed', (row) => row.failed > 0], ['flaky', 'Flaky', (row) => row.verdict === 'flaky'], ['broken', 'Broken', (row) => row.verdict === 'broken'],
  ['recovered', 'Passing again', (row) => row.failed > 0 && !['flaky', 'broken'].includes(row.verdict)],
  ['clean', 'Never failed', (row) => row.failed === 0], ['all', 'All', () => true],
];

const SEVERITIES = ['NONE', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];
const VERDICTS = ['stable', 'inconclusive', 'flaky', 'broken'];

const place = (location) => (location ? `${location.file}${location.line ? `:${location.line}` : ''}` : '');

/** All tests, each with its suite; those that never failed look as the others do. */
function rowsOf(views) {
  return views.flatMap(([series, view]) => [
    ...view.tests.map((test) => ({ series, ...test })),
    ...view.clean.map((test) => ({ series, failed: 0, rate: 0, cost_cpu_seconds: 0, first_failed: null, last_failed: null, ...test })),
  ]);
}

function search(rows, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const where = `${row.id}\n${place(row.location)}`.toLowerCase();
    return words.every((word) => where.includes(word));
  });
}

function columns(ask, several) {
  return [
    { name: 'test', title: 'Test', head: true, kind: 'c-name', by: (row) => row.id, cell: (row) => [
      row.key ? el('a', { href: elsewhere('test', row.key, ask) }, testName(row.id)) : testName(row.id),
      el('span', { class: 'under' }, row.location && el('bdi', {}, visible(place(row.location))), several && el('bdi', {}, visible(row.series.suite)))] },
    { name: 'verdict', title: 'Verdict', kind: 'c-verdict', first: '-', by: (row) => VERDICTS.indexOf(row.verdict) * 10 + SEVERITIES.indexOf(row.severity), cell: (row) => badge(row.verdict, row.severity) },
    { name: 'rate', title: 'Failure rate', kind: 'c-rate', first: '-', by: (row) => row.rate, cell: (row) => [
      el('span', { class: 'rate' }, el('b', {}, percent(row.rate)), ` ${number(row.failed)} of ${number(row.ran)}`),
      row.interval && interval(row.rate, row.interval),
      row.interval && el('span', { class: 'under' }, `${percent(row.interval.low)} to ${percent(row.interval.high)}`)] },
    { name: 'trend', title: 'Trend', kind: 'c-spark', cell: (row) => (row.trend ? sparkline(row.trend) : null) },
    { name: 'since', title: 'Failing since', kind: 'c-time', first: '-', by: (row) => row.first_failed, cell: (row) => when(row.first_failed) },
    { name: 'last', title: 'Last failed', kind: 'c-time', first: '-', by: (row) => row.last_failed, cell: (row) => when(row.last_failed) },
    { name: 'cost', title: 'Cost', kind: 'num', first: '-', by: (row) => row.cost_cpu_seconds, cell: (row) => (row.cost_cpu_seconds > 0 ? duration(row.cost_cpu_seconds) : '–') },
  ];
}

export async function tests({ documents, index, ask, go }) {
  const { views } = await documents.views(index, ask);
  const found = search(rowsOf(views), ask.q);
  const [chosen, , fits] = SHOWN.find(([name]) => name === ask.show) || SHOWN[0];
  const chips = SHOWN.map(([name, title, of]) => el('button', {
    type: 'button', class: 'chip', 'data-k': `show-${name}`, 'aria-pressed': String(name === chosen), on: { click: () => go({ show: name, page: '1' }) },
  }, title, ' ', el('span', { class: 'n' }, number(found.filter(of).length))));
  const rows = found.filter(fits);
  return {
    title: 'Tests',
    content: [
      el('h1', { tabindex: -1 }, 'Tests'),
      el('div', { class: 'chips', role: 'group', 'aria-label': 'Which tests' }, chips),
      rows.length === 0 ? [el('p', { class: 'told shown', 'data-count': 0 }, '0 tests'), el('p', { class: 'empty' }, ask.q ? 'No test fits the search.' : 'No test of this kind in this period.')]
        : table({ rows, columns: columns(ask, views.length > 1), ask, usual: '-cost', go, caption: 'Tests by what their failures cost', word: 'test' }),
    ],
  };
}

/** `A`, `B`, …: what groups are called on the page. */
const letter = (at) => (at < 26 ? String.fromCharCode(65 + at) : `${at + 1}`);

export function commitLink(series, commit) {
  if (!commit) return el('span', { class: 'muted' }, 'no commit');
  const code = el('code', {}, commitText(commit));
  return series?.forge ? outside(`${series.forge.commit}${commit}`, code) : code;
}

/** Where a run came from: commit, branch, pull request, CI run. */
export function origin(series, run) {
  return el('span', { class: 'origin' },
    commitLink(series, run.commit), run.changed && el('span', { class: 'tag' }, 'changed files'),
    run.branch && el('bdi', {}, visible(run.branch)),
    run.pull_request !== null && (series?.forge ? outside(`${series.forge.pull}${run.pull_request}`, `#${run.pull_request}`) : `#${run.pull_request}`),
    run.url && outside(run.url, 'CI run'));
}

export function attempts(result, letters, key) {
  if (result.failing.length === 0) return null;
  return el('details', { class: 'attempts', 'data-k': `attempts-${key}` },
    el('summary', {}, plural(result.failing.length + result.failing_left_out, 'failing attempt')),
    el('ul', { tabindex: 0, 'aria-label': 'Failing attempts' }, result.failing.map((failing) => el('li', {},
      failing.attempt === null ? 'attempt unknown' : `attempt ${number(failing.attempt)}`, ', seed ', el('code', {}, failing.seed),
      failing.fingerprint && letters && letters.has(failing.fingerprint) && `, way ${letters.get(failing.fingerprint)}`)),
    result.failing_left_out > 0 && el('li', { class: 'muted' }, `and ${number(result.failing_left_out)} more`)));
}

function onset(series, ask, told) {
  if (!told) return null;
  const run = (mention) => el('a', { href: elsewhere('run', mention.run, ask) }, when(mention.started, time));
  return el('section', { 'aria-labelledby': 'onset' }, el('h2', { id: 'onset' }, 'Where it began'),
    el('dl', { class: 'facts' },
      el('div', {}, el('dt', {}, 'Last passed before'), el('dd', {}, run(told.last_clean), ' at ', commitLink(series, told.last_clean.commit), `, in all of ${plural(told.last_clean.ran, 'attempt')}`)),
      el('div', {}, el('dt', {}, 'First failed'), el('dd', {}, run(told.first_failing), ' at ', commitLink(series, told.first_failing.commit), `, ${number(told.first_failing.failed)} of ${plural(told.first_failing.ran, 'attempt')}`))),
    el('p', { class: 'lead' }, 'A rare failure can be older than its first sighting: what passed a few times may have failed already.'));
}

function groups(test, runs, letters) {
  if (test.groups.length === 0) return null;
  const times = (fingerprint) => runs.filter((run) => run.failing.some((failing) => failing.fingerprint === fingerprint)).map((run) => run.started);
  const [since, until] = runs.length > 0 ? [runs[0].started, runs[runs.length - 1].started] : [0, 1];
  return el('section', { 'aria-labelledby': 'groups' }, el('h2', { id: 'groups' }, 'Ways it fails'),
    test.groups.map((group) => el('article', { class: 'way' },
      el('h3', {}, el('span', { class: 'letter' }, letters.get(group.fingerprint)), el('bdi', {}, visible(group.kind) || 'failure')),
      el('p', { class: 'told' }, `${plural(group.count, 'failure')} in ${plural(group.runs, 'run')}, `, when(group.first_seen), ' to ', when(group.last_seen)),
      moments(times(group.fingerprint), since, until, `Seen in ${plural(times(group.fingerprint).length, 'run')} of those shown`),
      el('pre', { tabindex: 0, 'aria-label': 'Message' }, visibleLines(group.message)),
      group.trace && el('details', { 'data-k': `trace-${group.fingerprint}` }, el('summary', {}, 'Trace'), el('pre', { tabindex: 0, 'aria-label': 'Trace' }, visibleLines(group.trace))))),
    test.groups_left_out > 0 && el('p', { class: 'told' }, `${plural(test.groups_left_out, 'rarer way')} not shown.`));
}

function runColumns(series, ask, letters) {
  return [
    { name: 'started', title: 'Run', head: true, kind: 'c-when', first: '-', by: (run) => run.started, cell: (run) => el('a', { href: elsewhere('run', run.run, ask) }, when(run.started, time)) },
    { name: 'outcome', title: 'Outcome', kind: 'c-outcome', cell: (run) => [outcome(run.counts), run.ignored && el('span', { class: 'tag' }, 'not judged')] },
    { name: 'failed', title: 'Failed', kind: 'num', first: '-', by: (run) => (run.counts.ran > 0 ? failuresOf(run.counts) / run.counts.ran : 0), cell: (run) => `${number(failuresOf(run.counts))} of ${number(run.counts.ran)}` },
    { name: 'verdict', title: 'Verdict', kind: 'c-verdict', cell: (run) => badge(run.verdict, run.severity) },
    { name: 'from', title: 'From', kind: 'c-from', cell: (run) => origin(series, run) },
    { name: 'attempts', title: 'Failing attempts', kind: 'c-attempts', cell: (run) => attempts(run, letters, run.run) || '–' },
  ];
}

function facts(test, share, period, asOf, runs) {
  const failing = runs.filter((run) => failuresOf(run.counts) > 0);
  const fact = (name, ...told) => el('div', {}, el('dt', {}, name), el('dd', {}, ...told));
  const seconds = runs.map((run) => run.median_seconds).filter((value) => value !== null);
  return el('dl', { class: 'facts' },
    fact(`Failure rate, ${PERIODS[period].toLowerCase()}`, share && share.ran > 0 ? [el('b', { class: 'large' }, percent(share.failed / share.ran)),
      el('span', { class: 'under' }, `${number(share.failed)} of ${plural(share.ran, 'attempt')}; ${percent(share.interval.low)} to ${percent(share.interval.high)}`), interval(share.failed / share.ran, share.interval)] : 'did not run'),
    fact('Runs', share ? `${number(share.runs)}, ${number(share.flaky_runs)} of them mixed` : '0'),
    fact('First failed', failing.length > 0 ? [when(failing[0].started), el('span', { class: 'under' }, ago(failing[0].started, asOf))] : '–'),
    fact('Last failed', failing.length > 0 ? [when(failing[failing.length - 1].started), el('span', { class: 'under' }, ago(failing[failing.length - 1].started, asOf))] : '–'),
    fact('Duration, last told', seconds.length > 0 ? duration(seconds[seconds.length - 1]) : 'not told'));
}

export async function test({ documents, index, key, ask, go, open }) {
  const told = await documents.test(key);
  const series = index.series.find((known) => known.key === told.series);
  const period = periodOf(index, ask, documents.version.as_of);
  const [since, until] = spanOf(period, documents.version.as_of);
  const branch = ask.branch === '' ? null : series?.branches.find((known) => known.name === ask.branch)?.key ?? 'none';
  const share = told.shares.find((line) => line.period === period && line.branch === branch);
  const runs = told.runs.filter((run) => run.started >= since && run.started < until && (ask.branch === '' || run.branch === ask.branch));
  const letters = new Map(told.groups.map((group, at) => [group.fingerprint, letter(at)]));
  const last = told.runs[told.runs.length - 1];
  return {
    title: visible(told.id).slice(0, 80),
    content: [
      el('p', { class: 'crumbs' }, el('a', { href: elsewhere('tests', '', ask) }, 'Tests'), ' / ', el('bdi', {}, visible(series?.repository || '')), ' / ', el('bdi', {}, visible(series?.suite || ''))),
      el('h1', { class: 'testname', tabindex: -1 }, el('bdi', {}, visible(told.id))),
      el('p', { class: 'meta' }, last && badge(last.verdict, last.severity), told.location && el('bdi', { class: 'where' }, visible(place(told.location))), last && el('span', {}, `last run ${day(last.started)}`)),
      facts(told, share, period, documents.version.as_of, runs),
      runs.length === 0 ? el('p', { class: 'empty' }, 'No run of it in this period and on this branch.') : [
        el('section', { 'aria-labelledby': 'strip' }, el('h2', { id: 'strip' }, 'Runs'), strip(runs, 'Runs of this test', (run) => open(elsewhere('run', run.run, ask)))),
        onset(series, ask, told.onsets.find((line) => line.branch === branch)),
        groups(told, runs, letters),
        el('section', { 'aria-labelledby': 'each' }, el('h2', { id: 'each' }, 'Every run'),
          table({ rows: runs, columns: runColumns(series, ask, letters), ask, usual: '-started', go, caption: 'Runs of this test', word: 'run' }),
          told.runs_left_out > 0 && el('p', { class: 'told' }, `${plural(told.runs_left_out, 'older run')} in which it passed not shown.`))],
    ],
  };
}
