/** @typedef {import('flaky-plugin-sdk').Report} Report */
/** @typedef {import('flaky-plugin-sdk').TestReport} TestReport */

/** Rows of the table. Teams refuses messages beyond 28 KB, and nobody reads further. */
const MOST_ROWS = 10;
/** Characters of one text: ten rows of these stay below that limit. */
const MOST_TEXT = 300;

const COLOURS = { broken: 'Attention', flaky: 'Warning', inconclusive: 'Default', stable: 'Good' };

/**
 * The message that a workflow of Teams with the trigger "When a Teams webhook request is received" posts: an Adaptive
 * Card as the only attachment.
 * @param {Report} report
 */
export function message(report) {
  const worth = (report.tests ?? []).filter((test) => test.verdict === 'flaky' || test.verdict === 'broken');
  const left = worth.length - MOST_ROWS;
  const body = [
    heading(report),
    text(report.reason ?? `${report.failures} of ${report.total_runs} attempts failed`),
    ...worth.slice(0, MOST_ROWS).map(row),
    ...(left > 0 ? [text(`and ${left} more`)] : []),
  ];
  const content = { $schema: 'http://adaptivecards.io/schemas/adaptive-card.json', type: 'AdaptiveCard', version: '1.4', body };
  return {
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
  };
}

/** @param {Report} report */
function heading(report) {
  const severity = report.severity ? ` · ${report.severity}` : '';
  const title = `${report.verdict.toUpperCase()}${severity}`;
  return { type: 'TextBlock', text: title, size: 'Large', weight: 'Bolder', color: COLOURS[report.verdict] ?? 'Default' };
}

/** @param {TestReport} test */
function row(test) {
  const facts = [
    { title: 'test', value: plain(test.id) },
    { title: test.verdict, value: plain(test.reason ?? `failed ${test.failures} of ${test.ran}`) },
  ];
  return { type: 'FactSet', facts };
}

/** @param {string} value */
const text = (value) => ({ type: 'TextBlock', text: plain(value), wrap: true });

/**
 * Cards read a little Markdown; names of tests must not become links or mentions.
 * @param {string} value
 */
function plain(value) {
  const cut = value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT - 1)}…` : value;
  // No placeholder of a secret, which the host would fill in, whatever a test is called.
  return cut.replaceAll('${{', '$ {{').replace(/[\\*_[\]()<>`#~]/g, '\\$&');
}
