// What GitHub's own OpenAPI description says of a request and of an answer, by Prism's router and validators.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
// The proxy of Prism is made of these three; used one by one they also say what they found, and start twice as fast.
const { getHttpOperationsFromSpec } = require('@stoplight/prism-http/dist/utils/operations');
const { default: route } = require('@stoplight/prism-http/dist/router');
const { validateInput, validateOutput } = require('@stoplight/prism-http/dist/validator');

// Where GitHub is known to answer otherwise than it describes: of the head of a pull request, the repository is null once
// the fork is deleted, label and user once the account is
// (https://github.com/github/rest-api-description/issues/1811 and 916); the head repository of a run is null likewise.
const KNOWN_DEVIATIONS = [/^body(\.\d+)?\.head\.(repo|user|label)$/, /^body(\.workflow_runs\.\d+)?\.head_repository$/];

// Paths whose last part may hold slashes, which GitHub takes as they are and OpenAPI cannot describe.
const OPEN_ENDED = /^(\/repos\/[^/]+\/[^/]+\/(?:contents|git\/ref|compare)\/)(.+)$/;

/** A path as the description can match it. */
function closed(path) {
  const [, head, tail] = OPEN_ENDED.exec(path) ?? [];
  return tail === undefined ? path : head + tail.replaceAll('/', '%2F');
}

function parameters(template, path) {
  const values = path.split('/');
  const named = template.split('/').map((part, at) => [/^\{(.+)\}$/.exec(part)?.[1], values[at]]);
  return Object.fromEntries(named.filter(([name]) => name).map(([name, value]) => [name, decodeURIComponent(value)]));
}

const isRecord = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

function told(diagnostics) {
  return diagnostics.map(({ path = [], message, code }) => ({ path: path.join('.'), message, code: String(code) }));
}

export class Description {
  #operations;

  static async load() {
    const file = new URL('../description.json', import.meta.url);
    const description = new Description();
    description.#operations = await getHttpOperationsFromSpec(JSON.parse(readFileSync(file, 'utf8')));
    return description;
  }

  /** What GitHub calls its operations. */
  get operations() {
    return this.#operations.map((operation) => operation.iid);
  }

  /** The operation that a request means: `{ operation, params }`, or `{ problem }`. */
  find(method, path) {
    const closedPath = closed(path);
    const found = route({ resources: this.#operations, input: { method, url: { path: closedPath } } });
    if (found._tag === 'Left') return { problem: found.left.detail ?? found.left.message };
    return { operation: found.right, params: parameters(found.right.path, closedPath), path: closedPath };
  }

  /** What is wrong with a request; empty when nothing is. */
  request(operation, { method, path, query, headers, body }) {
    const element = { method: method.toLowerCase(), url: { path, query }, headers, body };
    const checked = validateInput({ resource: operation, element });
    return checked._tag === 'Left' ? told(checked.left) : [];
  }

  /** What GitHub would not look at: parameters and fields that its description does not know. A typing error, most likely. */
  unknown(operation, { query, body }) {
    const parameters = new Set((operation.request?.query ?? []).map(({ name }) => name));
    const strays = Object.keys(query).filter((name) => !parameters.has(name)).map((name) => `query.${name}`);
    const schema = operation.request?.body?.contents?.[0]?.schema;
    // Where there are several shapes, none of them is the one.
    if (schema?.properties === undefined || schema.anyOf || schema.oneOf || !isRecord(body)) return strays;
    return [...strays, ...Object.keys(body).filter((name) => !(name in schema.properties)).map((name) => `body.${name}`)];
  }

  /** What is wrong with an answer of ours; empty when nothing is. */
  answer(operation, { status, headers, body }) {
    const known = operation.responses.some(({ code }) => code === String(status));
    // Statuses that GitHub answers everywhere and describes almost nowhere: limits, faults, refusals.
    if (!known && status >= 400) return [];
    const checked = validateOutput({ resource: operation, element: { statusCode: status, headers, body } });
    const found = checked._tag === 'Left' ? told(checked.left.filter(({ severity }) => severity === 0)) : [];
    return found.filter(({ path }) => !KNOWN_DEVIATIONS.some((known) => known.test(path)));
  }
}
