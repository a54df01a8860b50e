#!/usr/bin/env node
// Cuts GitHub's OpenAPI description (13 MB, 811 paths) down to the operations of operations.txt and what they refer
// to. Writes description.json, and templates.json with GitHub's own example of each answer.
//
//   node cut.mjs           writes both
//   node cut.mjs --check   fails when they are not what would be written
//
// What is cut away says nothing about what is valid: descriptions, links, examples, marks for GitHub's own tools.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { published } from './lib/published.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
// The package that GitHub publishes its description in, under the MIT licence.
const PACKAGE = '@octokit/openapi';
const VERSION = '23.0.2';
const MEMBER = 'generated/api.github.com.json';

// Keys of a schema or an operation that say nothing about validity.
const PROSE = new Set([
  'description', 'summary', 'externalDocs', 'tags', 'example', 'examples', 'title', 'deprecated', 'servers', 'callbacks',
  // Prism does not know it, and the schemas that it chooses between are listed beside it.
  'discriminator',
]);
// Under these keys stand names of somebody's choice, of which none may be taken for prose.
const NAMED = new Set(['properties', 'patternProperties', 'headers', 'responses', 'content', 'schemas', 'parameters', 'paths']);

function wanted() {
  const lines = readFileSync(join(HERE, 'operations.txt'), 'utf8').split('\n');
  return lines.filter((line) => line && !line.startsWith('#')).map((line) => line.split(' '));
}

function withoutProse(value, named = false) {
  if (Array.isArray(value)) return value.map((part) => withoutProse(part));
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([key]) => named || !(PROSE.has(key) || key.startsWith('x-')));
  const parts = kept.map(([key, part]) => [key, withoutProse(part, !named && NAMED.has(key))]);
  return Object.fromEntries(!named && 'responses' in value ? parts.map(described) : parts);
}

/** A response without a body is one all the same: a description is what it must have. */
function described([key, part]) {
  if (key !== 'responses') return [key, part];
  const whole = Object.entries(part).map(([code, response]) => [code, '$ref' in response ? response : { description: code, ...response }]);
  return [key, Object.fromEntries(whole)];
}

function resolve(whole, reference) {
  const parts = reference.replace(/^#\//, '').split('/').map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
  return parts.reduce((at, part) => at[part], whole);
}

function references(value, found = new Set()) {
  if (value === null || typeof value !== 'object') return found;
  if (typeof value.$ref === 'string') found.add(value.$ref);
  for (const part of Object.values(value)) references(part, found);
  return found;
}

/** Adds to `cut` what its operations refer to, and what that refers to. */
function addComponents(whole, cut) {
  const open = [...references(cut.paths)];
  for (let reference = open.pop(); reference !== undefined; reference = open.pop()) {
    const [, , kind, name] = reference.split('/');
    if (cut.components[kind]?.[name] !== undefined) continue;
    // A response, header or parameter is prose and schema alike: the schema below it is what counts.
    const stripped = withoutProse(resolve(whole, reference));
    const part = kind === 'responses' ? { description: name, ...stripped } : kind === 'parameters' ? asText(stripped) : stripped;
    (cut.components[kind] ??= {})[name] = part;
    open.push(...references(part));
  }
}

/** A parameter is text, and digits are both of "a number or a text": one of them is meant to be enough. */
function asText(parameter) {
  const { oneOf, ...schema } = parameter.schema ?? {};
  return oneOf === undefined ? parameter : { ...parameter, schema: { ...schema, anyOf: oneOf } };
}

/** GitHub's example of what an operation answers; nothing where it answers without a JSON body. */
function template(whole, operation) {
  const success = Object.entries(operation.responses).find(([code]) => code.startsWith('2'))?.[1];
  const examples = success?.content?.['application/json']?.examples;
  if (examples === undefined) return undefined;
  const first = Object.values(examples)[0];
  return oneOfEach((first.$ref ? resolve(whole, first.$ref) : first).value);
}

/** One member of each list: the others have the same shape. */
function oneOfEach(value) {
  if (Array.isArray(value)) return value.slice(0, 1).map(oneOfEach);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, oneOfEach(part)]));
}

function sorted(record) {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function cutDown(whole) {
  const cut = { openapi: whole.openapi, info: { title: whole.info.title, version: VERSION }, paths: {}, components: {} };
  const templates = {};
  for (const [method, path] of wanted()) {
    const operation = whole.paths[path]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`GitHub's description has no ${method} ${path}`);
    (cut.paths[path] ??= {})[method.toLowerCase()] = withoutProse(operation);
    const example = template(whole, operation);
    if (example !== undefined) templates[operation.operationId] = example;
  }
  addComponents(whole, cut);
  cut.components = sorted(Object.fromEntries(Object.entries(cut.components).map(([kind, parts]) => [kind, sorted(parts)])));
  return { 'description.json': cut, 'templates.json': templates };
}

const check = process.argv.includes('--check');
for (const [name, value] of Object.entries(cutDown(published(PACKAGE, VERSION, MEMBER)))) {
  const file = join(HERE, name);
  const text = `${JSON.stringify(value, null, 1)}\n`;
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${name} is not what cut.mjs makes of ${PACKAGE} ${VERSION}: run \`node cut.mjs\``);
    process.exitCode = 1;
  }
}
