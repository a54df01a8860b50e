const TOOL = 'mocha';

// Mocha has one reporter, which is the user's. Its runner is an emitter of events: when the first run begins, this
// listens as well. The class of emitters is put back as it was from then on.
function hook() {
  const { EventEmitter } = require('events');
  const emit = EventEmitter.prototype.emit;
  EventEmitter.prototype.emit = function (event, ...rest) {
    if (event === 'start' && this.suite && typeof this.runSuite === 'function') {
      EventEmitter.prototype.emit = emit;
      try {
        listen(this);
      } catch {}
    }
    return emit.call(this, event, ...rest);
  };
}

function listen(runner) {
  leave();
  const writer = new Writer(process.cwd());
  const titles = (test) => (typeof test.titlePath === 'function' ? test.titlePath() : [test.title]);
  const told = (test, outcome, error) => ({
    e: 'test',
    path: titles(test),
    outcome,
    ms: test.duration,
    tries: (typeof test.currentRetry === 'function' ? test.currentRetry() : 0) + 1,
    failures: error === undefined ? [] : [thrown(error)],
    file: writer.relative(test.file),
  });
  runner.on('test', (test) => writer.write({ e: 'start', path: titles(test), file: writer.relative(test.file) }));
  runner.on('pass', (test) => writer.write(told(test, 'passed')));
  runner.on('pending', (test) => writer.write(told(test, 'skipped')));
  runner.on('fail', (test, error) => writer.write(told(test, test.type === 'hook' ? 'errored' : 'failed', error)));
  runner.on('end', () => writer.write({ e: 'end', complete: true }));
}

function thrown(error) {
  const said = error && (error.stack || error.message);
  return text(said || error);
}

const main = process.argv[1] || '';
if (FOLDER && /(^|[\\/])_?mocha(\.c?js)?$/.test(main)) hook();
