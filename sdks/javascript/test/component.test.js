// What a component's exports do, called as the host calls them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bind } from '../src/component.js';
import { definePolicy, defineParser, defineReporter, deliver, log, PluginError, want, worst } from '../src/index.js';
import { evidence } from '../src/testing.js';
import { memory } from '../src/inputs.js';

const manifest = { name: 'mine', version: '1.0.0', summary: 'a test' };
const raw = (fields) => ({ ...evidence('a', fields), failingSeeds: new BigUint64Array([1n, 2n]), more: '{"k":1}' });
const lent = (text) => memory(new TextEncoder().encode(text));

test('a manifest gets what it leaves out', () => {
  const schema = { type: 'object' };
  const { plugin } = bind(definePolicy({ manifest }), () => {});
  assert.deepEqual(plugin.describe(), { ...manifest, settingsSchema: '', wants: [] });
  const other = bind(definePolicy({ manifest: { ...manifest, settingsSchema: schema, wants: [want.secret('A')] } }), () => {});
  assert.equal(other.plugin.describe().settingsSchema, '{"type":"object"}');
  assert.deepEqual(other.plugin.describe().wants, [{ tag: 'secret', val: 'A' }]);
});

test('a policy judges each test, with its settings', () => {
  const { plugin, policy } = bind(
    definePolicy({
      manifest,
      configure: ({ limit }) => ({ limit }),
      judge: (t, { limit }) =>
        t.failures > limit ? { category: 'flaky', severity: 'low', reason: `${t.failingSeeds.length} ${t.more.k}` } : undefined,
    }),
    () => {},
  );
  plugin.configure('{"limit": 1}');
  const whole = { category: 'flaky', severity: 'low', reason: '2 1', confidence: 1, tags: [] };
  assert.deepEqual(policy.classify([raw({ failed: 2 }), raw({ failed: 1 })]), [whole, undefined]);
  assert.equal(policy.summarise({ totalRuns: 1, failures: 0, verdicts: [], more: '{}' }), undefined);
});

test('failures leave as the contract says, bugs with their place', () => {
  const { plugin } = bind(
    definePolicy({
      manifest,
      configure({ how }) {
        if (how === 'typed') throw new PluginError('no-good', 'it is not', { hint: 'mend it' });
        return how.bug.deeper;
      },
    }),
    () => {},
  );
  assert.throws(() => plugin.configure('{"how": "typed"}'), { code: 'no-good', message: 'it is not', hint: 'mend it' });
  assert.throws(
    () => plugin.configure('{}'),
    (told) => told.code === 'bug' && /^TypeError: .*undefined/.test(told.message),
  );
});

test('a parser may leave out what it does not know', () => {
  const define = (parse) => bind(defineParser({ manifest, parse }), () => {}).parser;
  const info = { sources: [{ tag: 'stdout' }] };
  const attempt = { info: () => info, open: () => lent('a\nb\n') };
  const lines = define((given) => ({
    format: 'x',
    completeness: 'complete',
    tests: [...given.stdout.lines()].map((id) => ({ id, outcome: 'failed', failure: { message: 'm' } })),
  }));
  const failure = { kind: '', message: 'm', trace: '' };
  assert.deepEqual(lines.parse(attempt).tests, ['a', 'b'].map((id) => ({ id, outcome: 'failed', failure, tries: [] })));
  assert.equal(define(() => undefined).parse(attempt).completeness, 'nothing-recognised');
});

test('a reporter gets the report as a document, and may be a generator', () => {
  const { reporter } = bind(
    defineReporter({
      manifest,
      *render(report, context) {
        yield deliver.print(`${report.failures} ${context.more.ci}`);
        yield deliver.file('', 'text');
      },
    }),
    () => {},
  );
  const context = { colour: false, reportVersion: 1, more: '{"ci":"x"}' };
  const [printed, file] = reporter.render(lent('{"failures": 3}'), context);
  assert.deepEqual(printed, { tag: 'stdout', val: '3 x' });
  assert.deepEqual([...file.val.content], [...new TextEncoder().encode('text')]);
  assert.throws(() => reporter.render(lent('no JSON'), context), { code: 'invalid-json' });
});

test('log lines go to the host', () => {
  const lines = [];
  bind(definePolicy({ manifest }), (...line) => lines.push(line));
  log.warn('look');
  assert.deepEqual(lines, [['warn', 'look']]);
});

test('severities are ordered', () => {
  assert.deepEqual([worst('low', 'critical', 'none'), worst()], ['critical', 'none']);
});
