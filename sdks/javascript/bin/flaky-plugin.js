#!/usr/bin/env node
// `flaky-plugin build [FOLDER] [--out FILE] [--json]`

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { BuildError, build, project } from '../src/build.js';

const usage = 'usage: flaky-plugin build [FOLDER] [--out FILE] [--json]';

async function main() {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' }, json: { type: 'boolean' } } });
  const [command, folder = '.'] = positionals;
  if (command !== 'build' || positionals.length > 2) throw new BuildError(usage);
  const root = resolve(folder);
  const { name } = await project(root);
  const out = resolve(values.out ?? join(root, `${name}.wasm`));
  const role = await build(root, out);
  console.log(values.json ? JSON.stringify({ name, role }) : `${out}: ${role}`);
}

try {
  await main();
} catch (error) {
  const known = error instanceof BuildError || String(error.code).startsWith('ERR_PARSE_ARGS');
  const missing = error.code === 'ERR_MODULE_NOT_FOUND';
  console.error(`error: ${known || missing ? error.message : error.stack}${missing ? '\nhint: npm install' : ''}`);
  process.exitCode = 1;
}
