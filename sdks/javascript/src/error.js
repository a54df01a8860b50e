/** The typed failure of a call: what the user can mend. Any other exception is a bug of the plugin. */
export class PluginError extends Error {
  constructor(code, message, { hint, at } = {}) {
    super(message);
    this.name = 'PluginError';
    this.code = code;
    this.hint = hint;
    this.at = at;
  }
}

/** As the host gets it. A bug is told with its place: the engine would only say that it trapped. */
export function payload(error) {
  if (error instanceof PluginError) {
    return { code: error.code, message: error.message, hint: error.hint, at: error.at };
  }
  const where = typeof error?.stack === 'string' ? error.stack.trim().split('\n', 1)[0] : '';
  const message = where.length > 0 && !where.startsWith(String(error)) ? `${error} (at ${where})` : String(error);
  return { code: 'bug', message, hint: undefined, at: undefined };
}
