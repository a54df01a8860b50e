// Writes a line of JSON per event as soon as something happens, so that a killed run keeps what was seen. Nothing here
// may ever disturb the tests: whatever goes wrong ends the report, and nothing else.
'use strict';

const fs = require('fs');
const path = require('path');

const FOLDER = process.env.FLAKY_JAVASCRIPT_REPORT;
// Longer texts are cut: nobody reads more, and a report has to stay small.
const LONGEST = 64 * 1024;

class Writer {
  constructor(root) {
    this.root = root;
    this.file = null;
    try {
      fs.mkdirSync(FOLDER, { recursive: true });
      this.file = fs.openSync(path.join(FOLDER, `${process.pid}-${Date.now()}.jsonl`), 'a');
    } catch {}
    this.write({ e: 'run', tool: TOOL });
  }

  write(event) {
    if (this.file === null) return;
    try {
      fs.writeSync(this.file, `${JSON.stringify(event)}\n`);
    } catch {
      this.file = null;
    }
  }

  relative(file) {
    return file ? path.relative(this.root, String(file)).split(path.sep).join('/') : '';
  }
}

function text(value) {
  const said = typeof value === 'string' ? value : String(value);
  return said.length > LONGEST ? `${said.slice(0, LONGEST)}…` : said;
}

// What is started by tests sees neither this module nor the folder.
function leave() {
  delete process.env.FLAKY_JAVASCRIPT_REPORT;
  const before = process.env.FLAKY_NODE_OPTIONS;
  delete process.env.FLAKY_NODE_OPTIONS;
  if (before) process.env.NODE_OPTIONS = before;
  else delete process.env.NODE_OPTIONS;
}
