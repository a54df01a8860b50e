import assert from 'node:assert/strict';
import { test } from 'node:test';

import { configured, context } from 'flaky-plugin-sdk/testing';

import { message } from '../src/card.js';
import { csv } from '../src/csv.js';
import plugin from '../src/plugin.js';

const report = (tests, verdict = 'flaky') => ({ report_version: 1, total_runs: 20, failures: 3, verdict, tests });
const flaky = (id) => ({ id, verdict: 'flaky', failures: 3, ran: 20, rate: 0.15 });

test('cells are quoted, and nothing is a formula', () => {
  const rows = csv(report([flaky('a["b",c]'), flaky('=HYPERLINK("http://x")')])).split('\r\n');
  assert.equal(rows[1], '"a[""b"",c]",flaky,,3,20,');
  assert.equal(rows[2], '"\'=HYPERLINK(""http://x"")",flaky,,3,20,');
});

test('a message stays below what Teams takes, whatever the tests are called', () => {
  const tests = Array.from({ length: 1000 }, (_, i) => ({ ...flaky(`${i} ${'[x](y) '.repeat(1000)}`), reason: '*'.repeat(9999) }));
  const text = JSON.stringify(message(report(tests)));
  assert.ok(new TextEncoder().encode(text).length < 28 * 1024, `${text.length}`);
  assert.match(text, /and 990 more/);
});

test('names are neither links nor placeholders of secrets', () => {
  const text = JSON.stringify(message(report([flaky('[a](http://x) ${{ secrets.TOKEN }}')])));
  assert.ok(!text.includes('[a](') && !text.includes('${{'), text);
});

test('teams hears of it when asked, and not of stable runs', () => {
  const kinds = (settings, verdict) =>
    [...configured(plugin, settings).render(report([], verdict), context())].map(({ tag }) => tag);
  assert.deepEqual(kinds({}, 'flaky'), ['file']);
  assert.deepEqual(kinds({ teams: true }, 'flaky'), ['file', 'http']);
  assert.deepEqual(kinds({ teams: true }, 'stable'), ['file']);
});
