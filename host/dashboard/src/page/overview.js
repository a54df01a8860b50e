// The first page: figures, trend, severities, suites, what costs most, and what is in quarantine.
import { el } from './dom.js';
import { severities, sparkline, trend } from './charts.js';
import { elsewhere } from './store.js';
import { badge, duration, number, percent, plural, testName, visible, when } from './words.js';

/** Lines of a list that is only a beginning. */
const FEW = 10;

const SUMMED = ['runs', 'failing_runs', 'inconclusive_runs', 'tests', 'flaky', 'broken', 'recovered', 'attempts', 'failures', 'cpu_seconds', 'spoiled_cpu_seconds'];

function sum(objects) {
  const all = {};
  for (const object of objects) for (const [key, value] of Object.entries(object)) all[key] = (all[key] || 0) + value;
  return all;
}

/** The trends of several suites; their periods are divided alike. */
function together(views) {
  return views[0].trend.map((part, at) => ({ ...sum(views.map((view) => view.trend[at])), from: part.from }));
}

function figures(views, ask) {
  const all = sum(views.map(([, view]) => Object.fromEntries(SUMMED.map((name) => [name, view.figures[name]]))));
  const tile = (name, value, more, to, kind) => el('div', { class: `tile ${kind || ''}` },
    el('dt', {}, name), el('dd', {}, to ? el('a', { href: to }, value) : value, more && el('small', {}, more)));
  const tests = (show) => elsewhere('tests', '', ask, { show });
  return el('dl', { class: 'tiles' },
    tile('Flaky tests', number(all.flaky), `of ${plural(all.tests, 'test')}`, tests('flaky'), all.flaky > 0 ? 'v-flaky' : ''),
    tile('Broken tests', number(all.broken), all.broken > 0 ? 'fail nearly always' : 'none at present', tests('broken'), all.broken > 0 ? 'v-broken' : ''),
    tile('Passing again', number(all.recovered), 'failed in this period', tests('recovered')),
    tile('Tests', number(all.tests), all.tests > 0 ? `${number(all.tests - all.flaky - all.broken - all.recovered)} never failed` : null, tests('all')),
    tile('Runs', number(all.runs), `${number(all.failing_runs)} with failures${all.inconclusive_runs > 0 ? `, ${number(all.inconclusive_runs)} inconclusive` : ''}`, elsewhere('runs', '', ask)),
    tile('Attempts', number(all.attempts), `${number(all.failures)} failed`),
    tile('Failure rate', percent(all.attempts > 0 ? all.failures / all.attempts : NaN), 'of attempts'),
    tile('CPU on spoiled attempts', duration(all.spoiled_cpu_seconds), all.cpu_seconds > 0 ? `${percent(all.spoiled_cpu_seconds / all.cpu_seconds)} of ${duration(all.cpu_seconds)}` : null));
}

function suites(views, ask, go) {
  if (views.length < 2) return null;
  return el('section', { 'aria-labelledby': 'suites' },
    el('h2', { id: 'suites' }, 'Suites'),
    el('table', { class: 'list suites' },
      el('thead', {}, el('tr', {}, ['Suite', 'Runs', 'Flaky', 'Broken', 'Attempts that failed', 'Trend'].map((name) => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, views.map(([series, view]) => el('tr', {},
        el('th', { scope: 'row', class: 'c-name' },
          el('button', { type: 'button', class: 'find', 'data-k': `suite-${series.key}`, on: { click: () => go({ repository: series.repository, suite: series.suite }) } }, el('bdi', {}, visible(series.suite))),
          el('span', { class: 'under' }, el('bdi', {}, visible(series.repository)))),
        el('td', { class: 'num', 'data-name': 'Runs' }, number(view.figures.runs)),
        el('td', { class: 'num', 'data-name': 'Flaky' }, number(view.figures.flaky)),
        el('td', { class: 'num', 'data-name': 'Broken' }, number(view.figures.broken)),
        el('td', { class: 'num', 'data-name': 'Attempts that failed' }, percent(view.figures.attempts > 0 ? view.figures.failures / view.figures.attempts : NaN)),
        el('td', { class: 'c-spark' }, sparkline(view.trend.map((part) => [part.attempts, part.failures]))))))));
}

function costly(views, ask) {
  const all = views.flatMap(([series, view]) => view.tests.map((test) => [series, test]));
  all.sort(([, a], [, b]) => b.cost_cpu_seconds - a.cost_cpu_seconds);
  return el('section', { 'aria-labelledby': 'costly' },
    el('h2', { id: 'costly' }, 'Most costly tests'),
    el('p', { class: 'lead' }, 'CPU time of the attempts that their failures spoiled.'),
    all.length === 0 ? el('p', { class: 'empty' }, 'No test failed.') : [
      el('table', { class: 'list costly' },
        el('thead', {}, el('tr', {}, ['Test', 'Verdict', 'Cost', 'Failed', 'Since', 'Trend'].map((name) => el('th', { scope: 'col' }, name)))),
        el('tbody', {}, all.slice(0, FEW).map(([series, test]) => el('tr', {},
          el('th', { scope: 'row', class: 'c-name' }, el('a', { href: elsewhere('test', test.key, ask) }, testName(test.id)),
            views.length > 1 && el('span', { class: 'under' }, el('bdi', {}, visible(series.suite)))),
          el('td', { class: 'c-verdict' }, badge(test.verdict, test.severity)),
          el('td', { class: 'num', 'data-name': 'Cost' }, duration(test.cost_cpu_seconds)),
          el('td', { class: 'num', 'data-name': 'Failed' }, percent(test.rate), el('span', { class: 'under' }, `${number(test.failed)} of ${number(test.ran)}`)),
          el('td', { class: 'c-time', 'data-name': 'Since' }, when(test.first_failed)),
          el('td', { class: 'c-spark' }, sparkline(test.trend)))))),
      all.length > FEW && el('p', { class: 'next' }, el('a', { href: elsewhere('tests', '', ask, { sort: '-cost' }) }, `All ${plural(all.length, 'test')} that failed`))]);
}

function quarantine(list) {
  if (!list || list.length === 0) return null;
  const columns = [['Test', 'test'], ['Owner', 'owner'], ['Reason', 'reason'], ['Since', 'since'], ['Until', 'expires'], ['Now', 'state']];
  return el('section', { 'aria-labelledby': 'quarantine' },
    el('h2', { id: 'quarantine' }, 'In quarantine'),
    el('p', { class: 'lead' }, `${plural(list.length, 'entry', 'entries')}. Tests in quarantine run and are measured, and stop no pipeline.`),
    el('table', { class: 'list quarantine' },
      el('thead', {}, el('tr', {}, columns.map(([name]) => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, list.map((entry) => el('tr', {}, columns.map(([name, field], at) => (at === 0
        ? el('th', { scope: 'row', class: 'c-name' }, testName(entry.test))
        : el('td', { 'data-name': name }, entry[field] ? visible(entry[field]) : '–'))))))));
}

export async function overview({ documents, index, ask, go }) {
  const { views, leftOut } = await documents.views(index, ask);
  const shown = views.map(([, view]) => view);
  const runs = shown.reduce((all, view) => all + view.figures.runs, 0);
  return {
    title: 'Overview',
    content: [
      el('h1', { class: 'unseen', tabindex: -1 }, 'Overview'),
      leftOut > 0 && el('p', { class: 'note' }, `${plural(leftOut, 'more suite')} with older runs: choose a repository to see them.`),
      runs === 0 ? el('p', { class: 'empty' }, 'No run in this period.') : [
        figures(views, ask),
        el('section', { 'aria-labelledby': 'trend' }, el('h2', { id: 'trend' }, 'Trend'), trend(together(shown), shown[0].until)),
        el('section', { 'aria-labelledby': 'severity' }, el('h2', { id: 'severity' }, 'Severity'),
          el('div', { class: 'charts' },
            severities('Tests that failed,', sum(shown.map((view) => view.test_severities)), 'test'),
            severities('Runs,', sum(shown.map((view) => view.run_severities)), 'run'))),
        suites(views, ask, go),
        costly(views, ask)],
      quarantine(index.quarantine),
    ],
  };
}
