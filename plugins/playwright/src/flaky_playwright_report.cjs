const TOOL = 'playwright';

// One more reporter beside the user's. It prints nothing.
class Reporter {
  printsToStdio() {
    return false;
  }

  onBegin(config, suite) {
    const root = config.configFile ? path.dirname(config.configFile) : config.rootDir;
    this.writer = new Writer(root);
    this.suite = suite;
    delete process.env.FLAKY_JAVASCRIPT_REPORT;
    delete process.env.PW_TEST_REPORTER;
  }

  path(test) {
    // The root, the project, the file, then blocks and title.
    const [, project, , ...titles] = test.titlePath();
    return [...(project ? [`[${project}]`] : []), this.writer.relative(test.location.file), ...titles];
  }

  onTestBegin(test) {
    this.writer.write({ e: 'start', path: this.path(test), file: this.writer.relative(test.location.file) });
  }

  onTestEnd(test, result) {
    // A failed one may be tried again; the last one counts.
    const again = result.status !== 'passed' && result.status !== 'skipped' && test.expectedStatus === 'passed'
      && result.retry < test.retries;
    if (!again) this.tell(test, result);
  }

  tell(test, result) {
    const notRun = !result || (result.status === 'skipped' && test.expectedStatus !== 'skipped');
    const errors = result ? (result.errors && result.errors.length ? result.errors : [result.error].filter(Boolean)) : [];
    this.writer.write({
      e: 'test',
      path: this.path(test),
      outcome: notRun && test.expectedStatus === 'skipped' ? 'skipped' : notRun ? 'not-run' : result.status,
      expected: test.expectedStatus,
      raw: true,
      ms: result && !notRun ? result.duration : undefined,
      statuses: test.results.length > 1 ? test.results.map((one) => one.status) : undefined,
      failures: errors.map((error) => text(error.stack || error.message || error.value || '')),
      file: this.writer.relative(test.location.file),
      line: test.location.line,
    });
  }

  onError(error) {
    const said = error.message || error.value || error;
    if (!this.writer) this.writer = new Writer(process.cwd());
    const code = String(said).startsWith('Error: No tests found') ? 'no-tests' : 'collection-error';
    this.writer.write({ e: 'error', code, message: text(said), file: error.location ? this.writer.relative(error.location.file) : '' });
  }

  onEnd(result) {
    if (!this.writer) this.writer = new Writer(process.cwd());
    for (const test of this.suite ? this.suite.allTests() : []) {
      if (test.results.length === 0) this.tell(test);
    }
    this.writer.write({ e: 'end', complete: result.status !== 'interrupted' && result.status !== 'timedout' });
  }
}

module.exports = Reporter;
