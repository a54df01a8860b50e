// Prints how readers from npm colour the tests of a JUnit XML file, as JSON: {reader: {name: colour}}.
// Arguments: the folder of node_modules, the file, and, where there is one, a folder with checkouts of
// dorny/test-reporter and mikepenz/action-junit-report (`dorny`, `mikepenz`), whose own parsers read the file too.
import { readFileSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, file, actions] = process.argv.slice(2);
const require = createRequire(path.join(modules, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);

async function withJunit2json() {
  const { parse } = await load('junit2json');
  const colours = {};
  for (const suite of (await parse(readFileSync(file, 'utf8'))).testsuite) {
    for (const test of suite.testcase) {
      colours[test.name] = test.failure || test.error ? 'red' : test.skipped ? 'yellow' : 'green';
    }
  }
  return colours;
}

async function withTestResultsParser() {
  const { parse } = require('test-results-parser');
  const colours = {};
  for (const suite of parse({ type: 'junit', files: [file] }).suites) {
    for (const test of suite.cases) {
      colours[test.name] = { PASS: 'green', FAIL: 'red', SKIP: 'yellow' }[test.status] || test.status;
    }
  }
  return colours;
}

/** The parser of an action, made of its TypeScript. */
async function bundled(source) {
  const { build } = require('esbuild');
  const out = path.join(mkdtempSync(path.join(tmpdir(), 'flaky-readers-')), 'parser.mjs');
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
  await build({ entryPoints: [path.join(actions, source)], bundle: true, platform: 'node', format: 'esm', outfile: out,
    banner, nodePaths: [path.join(modules, 'node_modules')], logLevel: 'error' });
  return import(pathToFileURL(out).href);
}

async function withDorny() {
  const { JavaJunitParser } = await bundled('dorny/src/parsers/java-junit/java-junit-parser.ts');
  const run = await new JavaJunitParser({ parseErrors: true, trackedFiles: [] }).parse(file, readFileSync(file, 'utf8'));
  const colours = {};
  for (const test of run.suites.flatMap((suite) => suite.groups).flatMap((group) => group.tests)) {
    colours[test.name] = { success: 'green', failed: 'red', skipped: 'yellow' }[test.result];
  }
  return colours;
}

async function withMikepenz() {
  // It tells of every test in the log of its job as well.
  const write = process.stdout.write;
  process.stdout.write = () => true;
  const { parseFile } = await bundled('mikepenz/src/testParser.ts');
  const read = await parseFile(file, '', true, true, false, [], '{{TEST_NAME}}');
  process.stdout.write = write;
  const colours = {};
  const suites = [read];
  while (suites.length > 0) {
    const suite = suites.pop();
    suites.push(...suite.testResults);
    for (const test of suite.annotations) colours[test.title] = { success: 'green', failure: 'red', skipped: 'yellow' }[test.status];
  }
  return colours;
}

const readers = { junit2json: await withJunit2json(), 'test-results-parser': await withTestResultsParser() };
if (actions) {
  readers['dorny/test-reporter'] = await withDorny();
  readers['mikepenz/action-junit-report'] = await withMikepenz();
}
console.log(JSON.stringify(readers));
