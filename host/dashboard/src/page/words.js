// Numbers, times and names as people read them.
import { el } from './dom.js';

const SECOND = 1000;
const DAY = 86400;

const whole = new Intl.NumberFormat('en');
const dayText = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const shortDayText = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const timeText = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });

/** Largest time that a date can hold, in seconds; what is beyond it was never a time. */
const LAST = 8.64e12;

export const number = (value) => whole.format(value);

export function plural(count, word, many) {
  return `${number(count)} ${count === 1 ? word : many || `${word}s`}`;
}

/** A share, with as many digits as it can bear: 0.4 %, 12 %; never 0 % of something, never 100 % of not all. */
export function percent(share) {
  if (!Number.isFinite(share)) return '–';
  const value = share * 100;
  if (value === 0 || value === 100) return `${value} %`;
  if (value < 0.1) return '< 0.1 %';
  if (value > 99.9) return '> 99.9 %';
  return `${value < 10 || value > 99 ? value.toFixed(1) : Math.round(value)} %`;
}

/** Seconds, in the largest units that tell something. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds === 0) return '0 s';
  if (seconds < 0.001) return '< 1 ms';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${whole.format(Math.round(seconds / DAY))} d`;
}

const inTime = (seconds) => Number.isFinite(seconds) && Math.abs(seconds) <= LAST;

export const day = (seconds) => (inTime(seconds) ? dayText.format(seconds * SECOND) : '–');
export const shortDay = (seconds) => (inTime(seconds) ? shortDayText.format(seconds * SECOND) : '–');
export const time = (seconds) => (inTime(seconds) ? timeText.format(seconds * SECOND) : '–');

/** A time as an element; its exact moment is there for programs and for who hovers. */
export function when(seconds, format = day) {
  if (!inTime(seconds)) return el('span', {}, '–');
  return el('time', { datetime: new Date(seconds * SECOND).toISOString(), title: time(seconds) }, format(seconds));
}

/** How long ago, in one unit. */
export function ago(seconds, now) {
  const past = now - seconds;
  if (!Number.isFinite(past)) return '';
  if (past < 60) return 'just now';
  if (past < 3600) return `${plural(Math.floor(past / 60), 'minute')} ago`;
  if (past < DAY) return `${plural(Math.floor(past / 3600), 'hour')} ago`;
  if (past < 60 * DAY) return `${plural(Math.floor(past / DAY), 'day')} ago`;
  return `${plural(Math.floor(past / (30 * DAY)), 'month')} ago`;
}

const HIDDEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Text in which nothing acts: marks that turn the direction of what follows, or cannot be seen, are written out. */
export function visible(text) {
  return String(text).replace(HIDDEN, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** Several lines of it. */
export function visibleLines(text) {
  return String(text).split(/\r?\n/).map((line) => visible(line.replaceAll('\t', '    '))).join('\n');
}

/** Where ids are cut in lists; the whole stands on the page of the test. */
const LONGEST = 240;

export function shortened(text) {
  const shown = visible(text);
  const characters = [...shown];
  return characters.length <= LONGEST ? shown : `${characters.slice(0, LONGEST - 60).join('')} … ${characters.slice(-50).join('')}`;
}

/** The id of a test, in a direction of its own. */
export const testName = (id) => el('bdi', { class: 'id' }, shortened(id));

export const commitText = (commit) => (commit ? commit.slice(0, 9) : '');

export const PERIODS = { week: '7 days', month: '30 days', quarter: '90 days', year: '52 weeks', all: 'Everything' };

export const CAUSES = {
  'too-few-attempts': 'too few attempts', 'install-failed': 'dependencies could not be installed', 'command-not-found': 'the command was not found',
  'no-tests': 'no tests', 'usage-error': 'the framework refused its arguments', 'repository-unreachable': 'the sources could not be had',
  interrupted: 'interrupted', 'isolation-mismatch': 'fails only under this isolation', infrastructure: 'the machine or the framework failed',
};

const VERDICTS = ['stable', 'inconclusive', 'flaky', 'broken'];

/** A verdict with its severity; colour only repeats what the words say. */
export function badge(verdict, severity) {
  const known = VERDICTS.includes(verdict) ? verdict : 'inconclusive';
  const shown = severity && severity !== 'NONE' ? severity.toLowerCase() : null;
  return el('span', { class: `badge v-${known}` }, known, shown && el('small', {}, shown));
}
