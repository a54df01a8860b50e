const TOOL = 'node-test';

// Events come as they happen; a test's own follow those of the tests in it.
module.exports = async function* report(events) {
  const writer = new Writer(process.cwd());
  delete process.env.FLAKY_JAVASCRIPT_REPORT;
  const open = [];
  const parents = new Set();
  for await (const { type, data } of events) {
    try {
      tell(writer, type, data, open, parents);
    } catch {}
  }
  writer.write({ e: 'end', complete: true });
};

function tell(writer, type, data, open, parents) {
  if (type !== 'test:start' && type !== 'test:pass' && type !== 'test:fail') return;
  const { name, nesting } = data;
  open.length = nesting;
  const path = [...open, name];
  const file = writer.relative(data.file);
  if (type === 'test:start') {
    // What has tests in it is no test itself.
    if (nesting > 0) parents.add(JSON.stringify(open));
    open.push(name);
    return;
  }
  const error = data.details && data.details.error;
  const cause = error && error.cause !== undefined ? error.cause : error;
  const kind = error && error.failureType;
  const isFile = nesting === 0 && name === data.file;
  if (parents.delete(JSON.stringify(path)) || (data.details && data.details.type === 'suite')) {
    if (type === 'test:fail' && kind !== 'subtestsFailed') {
      writer.write({ e: 'error', code: 'suite-error', file, message: `${path.join(' > ')}: ${thrown(cause)}` });
    }
    return;
  }
  const skipped = data.skip !== undefined && data.skip !== false || data.todo !== undefined && data.todo !== false;
  const failed = kind === 'cancelledByParent' ? 'not-run' : kind === 'testTimeoutFailure' ? 'timedOut' : 'failed';
  writer.write({
    e: 'test',
    path: isFile ? [file] : path,
    outcome: skipped ? 'skipped' : type === 'test:pass' ? 'passed' : failed,
    ms: data.details && data.details.duration_ms,
    failures: type === 'test:fail' && !skipped ? [thrown(cause)] : [],
    file,
    line: data.line,
  });
}

function thrown(error) {
  const said = error && (error.stack || error.message);
  return text(said || error);
}
