// Reads lines such as `PASS sums` and `FAIL rounding: 1 != 2`; the last line is `DONE`.

import { defineParser } from 'flaky-plugin-sdk';

export default defineParser({
  manifest: { name: '{{name}}', version: '0.1.0', summary: 'reads `PASS NAME` and `FAIL NAME: MESSAGE`' },

  parse(attempt) {
    const tests = [];
    let done = false;
    for (const line of attempt.stdout.lines()) {
      done ||= line.trim() === 'DONE';
      const test = read(line.trimEnd());
      if (test !== undefined) tests.push(test);
    }
    // Not ours: the next parser is asked.
    if (tests.length === 0) return undefined;
    return { format: '{{name}}', tests, completeness: done ? 'complete' : 'truncated' };
  },
});

/**
 * @param {string} line
 * @returns {import('flaky-plugin-sdk').TestResult | undefined}
 */
function read(line) {
  if (line.startsWith('PASS ')) return { id: line.slice(5), outcome: 'passed' };
  if (!line.startsWith('FAIL ')) return undefined;
  const rest = line.slice(5);
  const colon = rest.indexOf(': ');
  if (colon < 0) return { id: rest, outcome: 'failed' };
  return { id: rest.slice(0, colon), outcome: 'failed', failure: { message: rest.slice(colon + 2) } };
}
