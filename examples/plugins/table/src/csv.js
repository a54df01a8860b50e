/** @typedef {import('flaky-plugin-sdk').Report} Report */

const COLUMNS = ['test', 'verdict', 'severity', 'failures', 'ran', 'reason'];

/**
 * The tests of a report as CSV, by RFC 4180.
 * @param {Report} report
 */
export function csv(report) {
  const rows = (report.tests ?? []).map((test) => [
    test.id,
    test.verdict,
    test.severity ?? '',
    test.failures,
    test.ran,
    test.reason ?? '',
  ]);
  return [COLUMNS, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/**
 * What a spreadsheet would calculate stays text: names of tests come from code that nobody may have read.
 * @param {unknown} value
 */
function cell(value) {
  const text = String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
