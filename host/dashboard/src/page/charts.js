// Charts in SVG. Lengths are shares of the width, so that nothing is drawn anew when the window changes, and text keeps its
// size. Every chart says in words what it shows; what it shows in full stands in a table beside it, or on the next page.
import { el, svg } from './dom.js';
import { day, number, percent, plural, shortDay, time } from './words.js';

/** A bar that is there must be seen. */
const LEAST = 3;

/** Runs in a strip; more are thinner than a line. */
const MOST_RUNS = 120;

const share = ([ran, failed]) => (ran > 0 ? failed / ran : null);

/** A round number at or above the largest share, for the end of an axis. */
function top(largest) {
  return [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((step) => largest <= step) || 1;
}

function roundUp(largest) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, largest)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => largest <= step);
}

function bars(values, end, height, kind, titles) {
  const width = 100 / values.length;
  return values.map((value, at) => {
    if (value === null) return null;
    const long = value === 0 ? 1 : Math.max(LEAST, (value / end) * height);
    return svg('rect', {
      x: `${(at + 0.1) * width}%`, width: `${width * 0.8}%`, y: height - long, height: long, class: value === 0 ? 'zero' : kind,
    }, titles && svg('title', {}, titles[at]));
  });
}

/** A figure with axes: values over the parts of a period. */
function columns({ title, values, end, format, kind, titles, said, parts, until }) {
  const height = 120;
  const lines = [0, 0.5, 1].map((at) => svg('line', { x1: 0, x2: '100%', y1: at * height + 0.5, y2: at * height + 0.5, class: 'grid' }));
  const middle = parts[Math.floor(parts.length / 2)];
  return el('figure', { class: 'chart' },
    el('figcaption', {}, title),
    el('div', { class: 'plot' },
      el('div', { class: 'y', 'aria-hidden': 'true' }, el('span', {}, format(end)), el('span', {}, format(end / 2)), el('span', {}, format(0))),
      svg('svg', { role: 'img', 'aria-label': said, height: height + 1, class: 'columns' }, lines, bars(values, end, height, kind, titles)),
      el('div', { class: 'x', 'aria-hidden': 'true' }, el('span', {}, shortDay(parts[0].from)), parts.length > 4 && el('span', {}, shortDay(middle.from)), el('span', {}, shortDay(until - 1)))));
}

/** Failed attempts by runs' beginnings, and how many runs there were; as a table below. */
export function trend(parts, until) {
  const shares = parts.map((part) => share([part.attempts, part.failures]));
  const told = shares.filter((value) => value !== null);
  const largest = Math.max(0, ...told);
  const span = (at) => {
    const end = (parts[at + 1] ? parts[at + 1].from : until) - 1;
    const [from, to] = [day(parts[at].from), day(end)];
    return from === to ? from : `${from} to ${to}`;
  };
  const titles = parts.map((part, at) => `${span(at)}: ${percent(shares[at])} of ${plural(part.attempts, 'attempt')} failed, ${plural(part.runs, 'run')}`);
  const newest = told.length > 0 ? percent(told[told.length - 1]) : '';
  const said = told.length === 0 ? 'No attempts in this period.'
    : `Failed attempts over the period: ${percent(told[0])} at first, ${percent(largest)} at most, ${newest} in the last part with runs.`;
  const runs = parts.map((part) => (part.runs > 0 ? part.runs : null));
  const most = Math.max(0, ...parts.map((part) => part.runs));
  return [
    el('div', { class: 'charts' },
      columns({ title: 'Attempts that failed', values: shares, end: top(largest), format: percent, kind: 'bad', titles, said, parts, until }),
      columns({ title: 'Runs', values: runs, end: roundUp(most), format: (value) => (Number.isInteger(value) ? number(value) : ''), kind: 'plain', titles, said: `Runs over the period: ${number(parts.reduce((sum, part) => sum + part.runs, 0))} in all, at most ${number(most)} in one of ${number(parts.length)} parts.`, parts, until })),
    el('details', { class: 'more', 'data-k': 'trend-table' }, el('summary', {}, 'As a table'),
      el('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Trend as a table', 'data-scrolls': true },
        el('table', { class: 'plain' },
          el('thead', {}, el('tr', {}, ['Period', 'Runs', 'with failures', 'Attempts', 'failed', 'Share'].map((name) => el('th', { scope: 'col' }, name)))),
          el('tbody', {}, parts.map((part, at) => (part.runs > 0 ? el('tr', {},
            el('th', { scope: 'row' }, span(at)),
            [number(part.runs), number(part.failing_runs), number(part.attempts), number(part.failures), percent(shares[at])].map((text) => el('td', { class: 'num' }, text))) : null)))))),
  ];
}

/** The failure rate of a test over the period, small. */
export function sparkline(pairs, height = 26) {
  const values = pairs.map(share);
  const told = values.filter((value) => value !== null);
  if (told.length === 0) return el('span', { class: 'muted' }, '–');
  const largest = Math.max(...told);
  const said = `${percent(told[0])} at first, ${percent(largest)} at most, ${percent(told[told.length - 1])} lately`;
  return svg('svg', { role: 'img', 'aria-label': `Failure rate over the period: ${said}`, height, class: 'spark' },
    svg('title', {}, said),
    bars(values, Math.max(largest, 0.05), height, 'bad'));
}

/** A rate on a line from 0 to 100 %, with its interval. */
export function interval(rate, { low, high }) {
  const clamp = (value) => Math.min(1, Math.max(0, value)) * 100;
  return svg('svg', { class: 'interval', height: 9, 'aria-hidden': 'true', focusable: 'false' },
    svg('rect', { class: 'track', y: 3, height: 3, width: '100%', rx: 1.5 }),
    svg('rect', { class: 'band', y: 1, height: 7, rx: 2, x: `${clamp(low)}%`, width: `${Math.max(0.8, clamp(high) - clamp(low))}%` }),
    svg('rect', { class: 'mark', y: 0, height: 9, width: 3, x: `${Math.min(99, clamp(rate))}%` }));
}

const SEVERITIES = [['CRITICAL', 'critical', 'nearly always'], ['HIGH', 'high', 'half the time or more'], ['MEDIUM', 'medium', 'one in ten or more'],
  ['LOW', 'low', 'rarely'], ['NONE', 'none', 'never'], ['UNKNOWN', 'unclear', 'inconclusive']];

/** How many of each severity, as one bar and a list that says it. */
export function severities(title, counts, unit) {
  const all = SEVERITIES.reduce((sum, [key]) => sum + counts[key], 0);
  let x = 0;
  const parts = SEVERITIES.filter(([key]) => counts[key] > 0).map(([key, name]) => {
    const width = (counts[key] / all) * 100;
    const part = svg('rect', { x: `${x}%`, width: `${width}%`, height: 18, class: `s-${name}` }, svg('title', {}, `${name}: ${number(counts[key])}`));
    x += width;
    return part;
  });
  return el('figure', { class: 'severities' },
    el('figcaption', {}, `${title} `, el('span', { class: 'muted' }, plural(all, unit))),
    svg('svg', { height: 18, class: 'stack', 'aria-hidden': 'true', focusable: 'false' }, parts),
    el('ul', { class: 'legend' }, SEVERITIES.filter(([key]) => counts[key] > 0).map(([key, name, means]) => el('li', {},
      svg('svg', { width: 10, height: 10, class: 'dot', 'aria-hidden': 'true' }, svg('rect', { width: 10, height: 10, rx: 2, class: `s-${name}` })),
      el('span', {}, name), el('b', {}, number(counts[key])), el('span', { class: 'muted' }, `${percent(counts[key] / all)}, ${means}`)))));
}

export const failuresOf = (counts) => counts.failed + counts.errored + counts.timed_out + counts.crashed;

/** What became of a test in a run, in one word. */
export function outcome(counts) {
  const failed = failuresOf(counts);
  if (counts.ran === 0) return 'did not run';
  if (failed === 0) return 'passed';
  return failed < counts.ran ? 'failed at times' : 'failed always';
}

const KINDS = { 'did not run': 'idle', passed: 'passed', 'failed at times': 'mixed', 'failed always': 'failed' };

/** Runs of a test as a row of columns, oldest first; the part that failed is filled from below, by pattern and colour. */
export function strip(runs, label, open) {
  const shown = runs.slice(-MOST_RUNS);
  const step = 9;
  const height = 44;
  const counted = { passed: 0, 'failed at times': 0, 'failed always': 0, 'did not run': 0 };
  const cells = shown.map((run, at) => {
    const kind = outcome(run.counts);
    counted[kind] += 1;
    const failed = failuresOf(run.counts);
    const part = run.counts.ran > 0 ? failed / run.counts.ran : 0;
    const long = failed > 0 ? Math.max(9, part * height) : 0;
    return svg('g', { class: 'cell', on: { click: () => open(run) } },
      svg('title', {}, `${time(run.started)}: ${kind}, ${number(failed)} of ${plural(run.counts.ran, 'attempt')}`),
      svg('rect', { x: at * step, width: step - 1, height, rx: 1, class: failed > 0 ? 'passed' : KINDS[kind] }),
      long > 0 && svg('rect', { x: at * step, width: step - 1, y: height - long, height: long, rx: 1, class: KINDS[kind] }));
  });
  const words = Object.entries(counted).filter(([, count]) => count > 0).map(([kind, count]) => `${number(count)} ${kind}`).join(', ');
  const cut = shown.length < runs.length ? `The newest ${number(shown.length)} of ${plural(runs.length, 'run')}` : plural(runs.length, 'run');
  return el('div', { class: 'stripbox' },
    el('div', { class: 'wide end', tabindex: 0, role: 'region', 'aria-label': label, 'data-scrolls': true },
      svg('svg', { role: 'img', 'aria-label': `${label}, oldest first: ${words}.`, width: shown.length * step, height, class: 'strip' }, cells)),
    el('p', { class: 'told' }, `${cut}, oldest first: ${words}.`),
    el('ul', { class: 'legend' }, Object.entries(KINDS).filter(([kind]) => counted[kind] > 0).map(([kind, name]) => el('li', {},
      svg('svg', { width: 12, height: 12, class: 'dot strip', 'aria-hidden': 'true' }, svg('rect', { width: 12, height: 12, rx: 2, class: name })), kind))));
}

/** When failures of a group were seen: a tick per run in which one was. */
export function moments(times, since, until, label) {
  const length = Math.max(1, until - since);
  return svg('svg', { class: 'moments', height: 14, role: 'img', 'aria-label': label },
    svg('rect', { class: 'track', y: 6, height: 2, width: '100%' }),
    times.map((at) => svg('rect', { class: 'mark', x: `${Math.min(99.4, ((at - since) / length) * 100)}%`, width: 3, height: 14 }, svg('title', {}, time(at)))));
}

