// What authors write, checked by the compiler; nothing of it runs.

import { defineParser, definePolicy, defineReporter, deliver, worst } from 'flaky-plugin-sdk';
import type { Severity } from 'flaky-plugin-sdk';
import { attempt, configured, context, evidence } from 'flaky-plugin-sdk/testing';

const manifest = { name: 'mine', version: '1.0.0', summary: 'a test' };

const policy = definePolicy({
  manifest,
  configure: (settings) => ({ limit: Number(settings.limit) }),
  judge: (test, { limit }) =>
    test.failures > limit ? { category: 'flaky', severity: 'low', reason: test.id, tags: [['a', 'b']] } : undefined,
});
const severity: Severity | undefined = configured(policy, { limit: 1 }).judge(evidence('a', { failed: 2 }))?.severity;
export const most: Severity = worst(severity ?? 'none', 'high');

// @ts-expect-error: no such category
definePolicy({ manifest, judge: () => ({ category: 'shaky', severity: 'low', reason: '' }) });
// @ts-expect-error: a parser parses
defineParser({ manifest });

const parser = defineParser({
  manifest,
  parse: (given) => ({ format: 'x', completeness: 'complete', tests: [...given.stdout.lines()].map((id) => ({ id, outcome: 'passed' })) }),
});
export const count: number | undefined = configured(parser).parse(attempt({ stdout: 'a\n' }))?.tests.length;

const reporter = defineReporter({
  manifest,
  *render(report, where) {
    yield deliver.print(`${report.verdict} ${where.width ?? 80}`);
    // @ts-expect-error: a request has an address
    yield deliver.http({ body: '' });
  },
});
export const made = configured(reporter).render({ report_version: 1, total_runs: 1, failures: 0, verdict: 'stable' }, context());
