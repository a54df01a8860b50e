// From a project to a component: bundle, ask which role it has, tie it to the contract, make the component.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const WIT = fileURLToPath(new URL('../wit', import.meta.url));
const COMPONENT = fileURLToPath(new URL('./component.js', import.meta.url));

/** Why there is no component: a line, and a hint on a second where there is one. */
export class BuildError extends Error {}

/** Name and entry of the project in a folder, from its package.json. */
export async function project(folder) {
  const file = join(folder, 'package.json');
  let document;
  try {
    document = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new BuildError(`${file}: ${error.message}`);
  }
  if (typeof document.name !== 'string') throw new BuildError(`${file}: \`name\` is missing`);
  if (typeof document.flaky?.plugin !== 'string') {
    throw new BuildError(`${file}: \`flaky.plugin\` is missing\nhint: "flaky": { "plugin": "src/plugin.js" }`);
  }
  return { name: document.name, entry: resolve(folder, document.flaky.plugin) };
}

/** Makes the component of a project, and gives its role. */
export async function build(folder, out) {
  const { entry } = await project(folder);
  const scratch = await mkdtemp(join(tmpdir(), 'flaky-plugin-'));
  try {
    const role = await roleOf(await bundle(entry, join(scratch, 'plugin.mjs')), entry);
    const tied = join(scratch, 'tied.mjs');
    await writeFile(tied, tie(entry, role));
    const { componentize } = await import('@bytecodealliance/componentize-js');
    const { component } = await componentize({
      sourcePath: await bundle(tied, join(scratch, 'component.js')),
      witPath: WIT,
      worldName: `${role}-plugin`,
      // Without standard output and error, errors would carry no text. The clock stands still and random numbers
      // repeat; the network is not there at all.
      disableFeatures: ['http', 'fetch-event'],
    });
    await writeFile(out, component);
    return role;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function tie(entry, role) {
  return [
    "import { write } from 'flaky:plugin/log@0.1.0';",
    `import definition from ${JSON.stringify(entry)};`,
    `import { bind } from ${JSON.stringify(COMPONENT)};`,
    `export const { plugin, ${role} } = bind(definition, write);`,
    '',
  ].join('\n');
}

async function bundle(input, file) {
  const { rolldown } = await import('rolldown');
  try {
    const made = await rolldown({ input, external: /^flaky:/, platform: 'neutral', resolve: { mainFields: ['module', 'main'] }, logLevel: 'warn' });
    await made.write({ file, format: 'esm', codeSplitting: false });
    await made.close();
  } catch (error) {
    throw new BuildError(`\`${input}\` cannot be bundled: ${error.message}`);
  }
  return file;
}

async function roleOf(file, entry) {
  const { default: definition } = await import(pathToFileURL(file).href);
  const role = definition?.role;
  if (!['policy', 'parser', 'reporter'].includes(role)) {
    throw new BuildError(`\`${entry}\` exports no plugin\nhint: export default definePolicy({ … })`);
  }
  return role;
}
