/** Inputs for tests of plugins that run without WebAssembly. */

import type {
  Attempt,
  Blob,
  Delivery,
  Evidence,
  FailureGroup,
  JsonObject,
  ParsedAttempt,
  Parser,
  Policy,
  RenderContext,
  Report,
  Reporter,
  RunSummary,
  Verdict,
} from './index.js';

/** A plugin with its settings. They are not held against its schema: the host does that. */
export declare function configured<S>(
  plugin: Policy<S> & { role: 'policy' },
  settings?: JsonObject,
): {
  judge(test: Evidence): Verdict | undefined;
  classify(batch: Evidence[]): (Verdict | undefined)[];
  summarise(run: RunSummary): Verdict | undefined;
};
export declare function configured<S>(
  plugin: Parser<S> & { role: 'parser' },
  settings?: JsonObject,
): { parse(attempt: Attempt): ParsedAttempt | undefined };
export declare function configured<S>(
  plugin: Reporter<S> & { role: 'reporter' },
  settings?: JsonObject,
): { render(report: Report, context: RenderContext): Iterable<Delivery> };

/** Evidence of a test that failed in some of its attempts; the bounds are 1 and the interval is the rate alone. */
export declare function evidence(
  id?: string,
  fields?: { ran?: number; failed?: number; groups?: FailureGroup[] } & Partial<Evidence>,
): Evidence;

/** An attempt that printed and wrote this. `chunk` is how many bytes it gives at once: a parser reads the same with any. */
export declare function attempt(given?: {
  stdout?: string | Uint8Array;
  stderr?: string | Uint8Array;
  reports?: Record<string, string | Uint8Array>;
  treeFiles?: Record<string, string | Uint8Array>;
  exitCode?: number;
  command?: string[];
  cut?: [number, number];
  chunk?: number;
}): Attempt;

/** Bytes, as the host lends them. */
export declare function blob(
  content: string | Uint8Array,
  options?: { cut?: [number, number]; chunk?: number },
): Blob;

/** Where a report is rendered for. */
export declare function context(fields?: Partial<RenderContext>): RenderContext;
