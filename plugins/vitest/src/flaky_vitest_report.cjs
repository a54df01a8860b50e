const TOOL = 'vitest';

// Vitest makes its reporters in one place, the same in all versions from 1 to 4. In its main process that place gets one
// more; where it looks otherwise, nothing is changed and the printed text is read.
const PLACE = 'createReporters(resolved.reporters, this)';

function hook() {
  const Module = require('module');
  if (typeof Module.register !== 'function') return;
  const loader = `
    const PLACE = ${JSON.stringify(PLACE)};
    const MORE = ${JSON.stringify(`(${more})(resolved, ${JSON.stringify(__filename)}), `)};
    export async function load(url, context, next) {
      const loaded = await next(url, context);
      if (!url.includes('/vitest/dist/') || loaded.format !== 'module' || !loaded.source) return loaded;
      const source = Buffer.from(loaded.source).toString();
      if (!source.includes(PLACE)) return loaded;
      return { ...loaded, source: source.replace(PLACE, '(' + MORE + PLACE + ')') };
    }`;
  Module.register(`data:text/javascript,${encodeURIComponent(loader)}`);
}

// Stands in the source of vitest: nothing of this file is in reach.
function more(resolved, file) {
  if (!process.env.FLAKY_JAVASCRIPT_REPORT) return;
  if (resolved.mode !== 'benchmark') resolved.reporters = [...resolved.reporters, [file, {}]];
  const seed = Number(process.env.FLAKY_VITEST_SEED);
  // Where nobody chose a seed, vitest takes the time.
  const chosen = resolved.sequence && Math.abs(Date.now() - resolved.sequence.seed) > 3600000;
  if (resolved.sequence && Number.isInteger(seed) && !chosen) resolved.sequence.seed = seed;
  // Tests within their file: which sequencer orders the files is settled before. `--sequence.shuffle` did that already.
  if (resolved.sequence && process.env.FLAKY_VITEST_SHUFFLE === '1') resolved.sequence.shuffle = true;
}

class Reporter {
  onInit(vitest) {
    this.writer = new Writer(vitest.config.root);
    this.told = new Set();
    leave();
  }

  onTestRunEnd(modules, errors, reason) {
    this.end(modules.map((one) => one.task || one), errors, reason !== 'interrupted');
  }

  onFinished(files = [], errors = []) {
    this.end(files, errors, true);
  }

  // A file whose tests have all ended.
  onTestModuleEnd(one) {
    this.file(one.task || one);
  }

  file(file) {
    if (this.told.has(file.id)) return;
    this.told.add(file.id);
    const name = this.writer.relative(file.filepath);
    const tests = [];
    this.suite(file, [name], name, tests);
    for (const test of tests) this.writer.write(test);
    if (file.result && file.result.errors && file.result.errors.length) {
      this.error(tests.length ? 'suite-error' : 'collection-error', name, file.result.errors[0]);
    }
  }

  suite(suite, titles, file, tests) {
    for (const task of suite.tasks || []) {
      if (task.type === 'suite') {
        if (task.result && task.result.errors && task.result.errors.length) {
          this.error('suite-error', file, task.result.errors[0]);
        }
        this.suite(task, [...titles, task.name], file, tests);
      } else {
        tests.push(this.test(task, [...titles, task.name], file));
      }
    }
  }

  test(task, path, file) {
    const result = task.result || {};
    const state = { pass: 'passed', fail: 'failed', skip: 'skipped', todo: 'skipped' }[result.state || task.mode];
    return {
      e: 'test',
      path,
      outcome: state || 'not-run',
      expected: task.fails ? 'failed' : undefined,
      ms: result.duration,
      tries: (result.retryCount || 0) + 1,
      failures: state === 'failed' ? (result.errors || []).map(thrown) : [],
      file,
      line: task.location ? task.location.line : undefined,
    };
  }

  error(code, file, error) {
    this.writer.write({ e: 'error', code, file, message: thrown(error) });
  }

  end(files, errors, complete) {
    for (const file of files) this.file(file);
    for (const error of errors || []) this.error('unhandled-error', '', error);
    this.writer.write({ e: 'end', complete });
  }
}

// The message first: the stack that vitest keeps does not always have it.
function thrown(error) {
  const name = error && error.name ? `${error.name}: ` : '';
  const message = error && error.message !== undefined ? error.message : error;
  const stack = String((error && error.stack) || '');
  const at = stack.search(/^ +at /m);
  return text(`${name}${message}${at < 0 ? '' : `\n${stack.slice(at)}`}`);
}

module.exports = Reporter;
const main = process.argv[1] || '';
if (FOLDER && /(^|[\\/])vitest(\.m?js)?$/.test(main)) hook();
