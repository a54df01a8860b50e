// The list of runs, and the page of one.
import { el } from './dom.js';
import { failuresOf } from './charts.js';
import { elsewhere } from './store.js';
import { table } from './table.js';
import { attempts, commitLink, origin } from './tests.js';
import { badge, CAUSES, duration, number, percent, plural, testName, time, visible, when } from './words.js';

function search(runs, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter(([series, run]) => {
    const where = [run.run, run.branch, run.commit, run.pull_request && `#${run.pull_request}`, run.verdict, series.suite].join('\n').toLowerCase();
    return words.every((word) => where.includes(word));
  });
}

function columns(ask, several) {
  return [
    { name: 'started', title: 'Run', head: true, kind: 'c-when', first: '-', by: ([, run]) => run.started, cell: ([series, run]) => [
      el('a', { href: elsewhere('run', run.run, ask) }, when(run.started, time)), several && el('span', { class: 'under' }, el('bdi', {}, visible(series.suite)))] },
    { name: 'verdict', title: 'Verdict', kind: 'c-verdict', cell: ([, run]) => [badge(run.verdict, run.severity), run.cause && el('span', { class: 'under' }, CAUSES[run.cause] || visible(run.cause))] },
    { name: 'failed', title: 'Failed attempts', kind: 'num', first: '-', by: ([, run]) => (run.attempts > 0 ? run.failures / run.attempts : 0), cell: ([, run]) => [
      percent(run.attempts > 0 ? run.failures / run.attempts : NaN), el('span', { class: 'under' }, `${number(run.failures)} of ${number(run.attempts)}`)] },
    { name: 'tests', title: 'Tests', kind: 'num', first: '-', by: ([, run]) => run.tests, cell: ([, run]) => number(run.tests) },
    { name: 'from', title: 'From', kind: 'c-from', cell: ([series, run]) => origin(series, run) },
    { name: 'took', title: 'Took', kind: 'num', first: '-', by: ([, run]) => run.wall_seconds, cell: ([, run]) => duration(run.wall_seconds) },
    { name: 'cpu', title: 'CPU', kind: 'num', first: '-', by: ([, run]) => run.cpu_seconds, cell: ([, run]) => duration(run.cpu_seconds) },
  ];
}

export async function runs({ documents, index, ask, go }) {
  const { runs: all, leftOut } = await documents.runs(index, ask);
  const rows = search(all, ask.q);
  return {
    title: 'Runs',
    content: [
      el('h1', { tabindex: -1 }, 'Runs'),
      rows.length === 0 ? [el('p', { class: 'told shown', 'data-count': 0 }, '0 runs'), el('p', { class: 'empty' }, ask.q ? 'No run fits the search.' : 'No run in this period.')]
        : table({ rows, columns: columns(ask, index.series.length > 1), ask, usual: '-started', go, caption: 'Runs, newest first', word: 'run' }),
      leftOut > 0 && el('p', { class: 'told' }, `${plural(leftOut, 'older run')} not in this list; they count in all figures.`),
    ],
  };
}

function testColumns(ask) {
  return [
    { name: 'test', title: 'Test', head: true, kind: 'c-name', by: (test) => test.id, cell: (test) => el('a', { href: elsewhere('test', test.key, ask) }, testName(test.id)) },
    { name: 'verdict', title: 'Verdict', kind: 'c-verdict', cell: (test) => [badge(test.verdict, test.severity), test.ignored && el('span', { class: 'tag' }, 'not judged')] },
    { name: 'failed', title: 'Failed', kind: 'num', first: '-', by: (test) => failuresOf(test.counts) / Math.max(1, test.counts.ran), cell: (test) => [
      percent(failuresOf(test.counts) / Math.max(1, test.counts.ran)), el('span', { class: 'under' }, `${number(failuresOf(test.counts))} of ${number(test.counts.ran)}`)] },
    { name: 'took', title: 'Duration', kind: 'num', first: '-', by: (test) => test.median_seconds, cell: (test) => (test.median_seconds === null ? '–' : duration(test.median_seconds)) },
    { name: 'attempts', title: 'Failing attempts', kind: 'c-attempts', cell: (test) => attempts(test, null, test.key) || '–' },
  ];
}

export async function run({ documents, index, key, ask, go }) {
  const told = await documents.run(key);
  const series = index.series.find((known) => known.key === told.series);
  const fact = (name, ...words) => el('div', {}, el('dt', {}, name), el('dd', {}, ...words));
  const words = ask.q.toLowerCase().split(/\s+/).filter(Boolean);
  const failing = told.failing.filter((test) => words.every((word) => test.id.toLowerCase().includes(word)));
  return {
    title: `Run of ${time(told.started)}`,
    content: [
      el('p', { class: 'crumbs' }, el('a', { href: elsewhere('runs', '', ask) }, 'Runs'), ' / ', el('bdi', {}, visible(series?.repository || '')), ' / ', el('bdi', {}, visible(series?.suite || ''))),
      el('h1', { tabindex: -1 }, 'Run of ', when(told.started, time)),
      el('p', { class: 'meta' }, badge(told.verdict, told.severity), told.cause && el('span', {}, CAUSES[told.cause] || visible(told.cause)), origin(series, told)),
      el('dl', { class: 'facts' },
        fact('Attempts that failed', el('b', { class: 'large' }, percent(told.attempts > 0 ? told.failures / told.attempts : NaN)), el('span', { class: 'under' }, `${number(told.failures)} of ${number(told.attempts)}`)),
        fact('Tests', `${number(told.tests)}`, el('span', { class: 'under' }, `${number(told.failing.length + told.failing_left_out)} failed, ${number(told.clean)} passed${told.never_ran > 0 ? `, ${number(told.never_ran)} did not run` : ''}`)),
        fact('Took', duration(told.wall_seconds), el('span', { class: 'under' }, `${duration(told.cpu_seconds)} of CPU`)),
        fact('Commit', commitLink(series, told.commit), told.changed && el('span', { class: 'under' }, 'and changes that are in no commit')),
        fact('Isolation', told.isolation),
        fact('Run id', el('code', {}, told.run), el('span', { class: 'under' }, `flaky ${visible(told.flaky_version)}`))),
      el('h2', { class: 'small' }, 'Command'), el('pre', { tabindex: 0, 'aria-label': 'Command' }, visible(told.command)),
      el('section', { 'aria-labelledby': 'failing' }, el('h2', { id: 'failing' }, 'Tests that failed'),
        failing.length === 0 ? el('p', { class: 'empty' }, told.failing.length > 0 ? 'No failing test fits the search.' : 'No test failed.')
          : table({ rows: failing, columns: testColumns(ask), ask, usual: '-failed', go, caption: 'Tests that failed in this run', word: 'test' }),
        told.failing_left_out > 0 && el('p', { class: 'told' }, `${plural(told.failing_left_out, 'more failing test')} not shown.`)),
    ],
  };
}
