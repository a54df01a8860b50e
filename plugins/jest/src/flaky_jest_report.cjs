const TOOL = 'jest';

// Jest loads its configuration through the module `jest-config`. What comes back from there gets one more reporter, and
// the seed where the order is random; nothing that the user chose is touched.
function hook() {
  const Module = require('module');
  const load = Module._load;
  let patched = null;
  Module._load = function (request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    if (request !== 'jest-config') return loaded;
    patched = patched || withReporter(loaded);
    return patched;
  };
}

function withReporter(loaded) {
  if (!loaded || typeof loaded.readConfigs !== 'function') return loaded;
  const readConfigs = async function (argv, ...rest) {
    const read = await loaded.readConfigs.call(this, argv, ...rest);
    try {
      return { ...read, globalConfig: Object.freeze(changed(read.globalConfig, argv)) };
    } catch {
      return read;
    }
  };
  const properties = Object.getOwnPropertyDescriptors(loaded);
  properties.readConfigs = { value: readConfigs, enumerable: true };
  return Object.create(Object.getPrototypeOf(loaded), properties);
}

function changed(config, argv) {
  const reporters = config.reporters || [['default', {}]];
  const all = { ...config, reporters: [...reporters, [__filename, {}]] };
  const seed = Number(process.env.FLAKY_JEST_SEED);
  const shuffle = process.env.FLAKY_JEST_SHUFFLE === '1';
  if (Number.isInteger(seed) && argv.seed === undefined && (shuffle || config.randomize)) {
    all.seed = seed;
    all.randomize = true;
  }
  return all;
}

class Reporter {
  constructor(config) {
    this.writer = new Writer(config.rootDir);
    leave();
  }

  titles(file, result) {
    return [this.writer.relative(file), ...(result.ancestorTitles || []), result.title];
  }

  test(file, result) {
    const name = this.writer.relative(file);
    const place = result.location;
    return {
      e: 'test',
      path: this.titles(file, result),
      outcome: result.status,
      expected: result.failing === true ? 'failed' : undefined,
      ms: result.duration,
      tries: result.invocations,
      failures: (result.failureMessages || []).map(text),
      file: name,
      line: place ? place.line : undefined,
    };
  }

  onTestCaseStart(test, info) {
    this.writer.write({ e: 'start', path: this.titles(test.path, info), file: this.writer.relative(test.path) });
  }

  onTestCaseResult(test, result) {
    this.writer.write(this.test(test.path, result));
  }

  onTestResult(test, result) {
    const file = this.writer.relative(test.path);
    // From here on the whole file is told once more, with what was only known at its end.
    this.writer.write({ e: 'file', file });
    for (const assertion of result.testResults || []) this.writer.write(this.test(test.path, assertion));
    const error = result.testExecError || (result.testResults.length === 0 && result.failureMessage);
    if (error) {
      const code = result.testResults.length === 0 ? 'collection-error' : 'suite-error';
      const said = error.stack || error.message || error;
      this.writer.write({ e: 'error', code, file, message: text(said) });
    }
  }

  onRunComplete(contexts, results) {
    this.writer.write({ e: 'end', complete: !results.wasInterrupted, total: results.numTotalTests });
  }

  getLastError() {}
}

module.exports = Reporter;
if (FOLDER) hook();
