// Outside of a component, lines go to the console.
const natively = (level, message) => console[level](`${level}: ${message}`);

let write = natively;

/** Lines go there from now on; for `component.js`. */
export function sendTo(target) {
  write = target;
}

export const log = Object.freeze({
  debug: (message) => write('debug', message),
  info: (message) => write('info', message),
  warn: (message) => write('warn', message),
  error: (message) => write('error', message),
});
