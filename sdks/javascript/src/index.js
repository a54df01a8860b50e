// What authors of plugins use. Types and documentation: index.d.ts.

export { Blob, Attempt, LONGEST_LINE, MOST_CHARACTERS } from './inputs.js';
export { log } from './log.js';
export { PluginError } from './error.js';

const define = (role) => (definition) => Object.freeze({ role, ...definition });

export const definePolicy = define('policy');
export const defineParser = define('parser');
export const defineReporter = define('reporter');

export const want = Object.freeze({
  reportFiles: (glob) => ({ tag: 'report-files', val: glob }),
  treeFiles: (glob) => ({ tag: 'tree-files', val: glob }),
  http: (origin) => ({ tag: 'http', val: origin }),
  secret: (name) => ({ tag: 'secret', val: name }),
});

const bytes = (content) => (typeof content === 'string' ? new TextEncoder().encode(content) : content);

export const deliver = Object.freeze({
  print: (text) => ({ tag: 'stdout', val: text }),
  file: (path, content) => ({ tag: 'file', val: { path, content: bytes(content) } }),
  http: ({ method = 'POST', url, headers = [], body = '' }) => ({
    tag: 'http',
    val: { method, url, headers, body: bytes(body) },
  }),
  pullRequestComment: (key, body) => ({ tag: 'pull-request-comment', val: { key, body } }),
  jobSummary: (markdown) => ({ tag: 'job-summary', val: markdown }),
  annotations: (annotations) => ({ tag: 'annotations', val: annotations }),
  checkRun: (check) => ({ tag: 'check-run', val: { annotations: [], ...check } }),
  outputs: (values) => ({ tag: 'outputs', val: values }),
  other: (kind, body) => ({ tag: 'other', val: { kind, body: JSON.stringify(body) } }),
});

const SEVERITIES = ['none', 'low', 'medium', 'high', 'critical'];

/** The worst of several. */
export const worst = (...severities) =>
  SEVERITIES[Math.max(0, ...severities.map((severity) => SEVERITIES.indexOf(severity)))];
