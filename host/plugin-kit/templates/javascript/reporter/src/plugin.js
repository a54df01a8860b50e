// The tests of a report as CSV, by RFC 4180.

import { defineReporter, deliver } from 'flaky-plugin-sdk';

export default defineReporter({
  manifest: { name: '{{name}}', version: '0.1.0', summary: 'the tests of a report as CSV' },

  render(report) {
    const row = (/** @type {import('flaky-plugin-sdk').TestReport} */ test) =>
      [cell(test.id), test.verdict, test.failures, test.ran].join(',');
    const rows = ['test,verdict,failures,ran', ...(report.tests ?? []).map(row)];
    // An empty path is the file that the user named.
    return [deliver.file('', rows.map((text) => `${text}\r\n`).join(''))];
  },
});

/**
 * In quotes, which the names of tests cannot end.
 * @param {string} text
 */
export function cell(text) {
  return `"${text.replaceAll('"', '""')}"`;
}
