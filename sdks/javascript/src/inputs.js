import { PluginError } from './error.js';

/** Bytes asked for at once: the host gives no more. */
const CHUNK = 256 * 1024;

/** Longest input that is read whole: a plugin has 128 MiB, and the engine keeps text that is not ASCII at two bytes a character. */
export const MOST_CHARACTERS = 16 * 1024 * 1024;

/** Characters kept of one line: a line without an end must not fill the memory. */
export const LONGEST_LINE = 1024 * 1024;

/** Bytes kept by the host, read as text: bytes one by one are ten times dearer in this language. */
export class Blob {
  #raw;

  constructor(raw) {
    this.#raw = raw;
  }

  get size() {
    return Number(this.#raw.size());
  }

  get cut() {
    const cut = this.#raw.cut();
    return cut === undefined || cut === null ? undefined : [Number(cut[0]), Number(cut[1])];
  }

  *chunks() {
    let offset = 0n;
    for (;;) {
      const { text, next } = this.#raw.readText(offset, CHUNK);
      if (next === offset) return;
      offset = next;
      yield text;
    }
  }

  *lines() {
    let pending = '';
    for (const chunk of this.chunks()) {
      const lines = chunk.split('\n');
      pending += lines[0].slice(0, Math.max(0, LONGEST_LINE - pending.length));
      if (lines.length === 1) continue;
      yield withoutReturn(pending);
      for (let i = 1; i < lines.length - 1; i += 1) yield withoutReturn(lines[i]);
      pending = lines[lines.length - 1];
    }
    if (pending.length > 0) yield withoutReturn(pending);
  }

  text(most = MOST_CHARACTERS) {
    if (this.size > most) {
      throw new PluginError('input-too-large', `${this.size} bytes are more than the ${most} that this plugin reads`);
    }
    return [...this.chunks()].join('');
  }

  json(most = MOST_CHARACTERS) {
    const text = this.text(most);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new PluginError('invalid-json', String(error.message));
    }
  }
}

const withoutReturn = (line) => (line.endsWith('\r') ? line.slice(0, -1) : line);

const same = (a, b) => a.tag === b.tag && a.val === b.val;

/** One finished execution of the test command. */
export class Attempt {
  #open;

  /** @param info what is known @param open gives the raw blob of a source */
  constructor(info, open) {
    this.info = info;
    this.#open = open;
  }

  open(source) {
    if (!this.info.sources.some((known) => same(known, source))) return undefined;
    const raw = this.#open(source);
    return raw === undefined || raw === null ? undefined : new Blob(raw);
  }

  get stdout() {
    return this.open({ tag: 'stdout' }) ?? new Blob(memory(new Uint8Array()));
  }

  get stderr() {
    return this.open({ tag: 'stderr' }) ?? new Blob(memory(new Uint8Array()));
  }

  *reports() {
    yield* this.#files('report');
  }

  *treeFiles() {
    yield* this.#files('tree');
  }

  *#files(tag) {
    for (const source of this.info.sources) {
      const blob = source.tag === tag ? this.open(source) : undefined;
      if (blob !== undefined) yield [source.val, blob];
    }
  }
}

/** Bytes at hand, lent as the host lends them: chunks of text never end inside a character. */
export function memory(bytes, { cut, chunk = CHUNK } = {}) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const continues = (at) => at < bytes.length && (bytes[at] & 0xc0) === 0x80;
  return {
    size: () => BigInt(bytes.length),
    cut: () => (cut === undefined ? undefined : [BigInt(cut[0]), BigInt(cut[1])]),
    read: (offset, most) => bytes.slice(Number(offset), Number(offset) + Math.min(most, chunk)),
    readText(offset, most) {
      const start = Number(offset);
      let end = Math.min(bytes.length, start + Math.min(most, chunk));
      for (let back = 0; back < 3 && end > start + 1 && continues(end); back += 1) end -= 1;
      // A piece that is smaller than its first character: the whole of it all the same.
      while (continues(end) && end - start < 4) end += 1;
      return { text: decoder.decode(bytes.slice(start, end)), next: BigInt(end) };
    },
  };
}
