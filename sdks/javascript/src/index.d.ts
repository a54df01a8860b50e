/**
 * Write plugins for `flaky` in JavaScript or TypeScript.
 *
 * A plugin is the default export of a module, made by `definePolicy`, `defineParser` or `defineReporter`. It has no
 * files, network, clock, environment or randomness: it gets inputs and returns a value. 64-bit numbers are `bigint`.
 */

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** `key`, in lower-case snake case, and value. */
export type Tag = [string, string];

export type Outcome =
  | 'passed'
  | 'failed'
  | 'errored'
  | 'skipped'
  | 'expected-failure'
  | 'unexpected-pass'
  | 'timed-out'
  | 'crashed'
  | 'not-run'
  | 'unknown';
export type Severity = 'none' | 'low' | 'medium' | 'high' | 'critical';
export type Category = 'stable' | 'flaky' | 'broken' | 'inconclusive';
export type Completeness = 'complete' | 'truncated' | 'nothing-recognised';

/** Which part of an attempt some bytes come from. */
export type Source =
  | { tag: 'stdout' }
  | { tag: 'stderr' }
  /** A file in the report folder, by its path relative to it. */
  | { tag: 'report'; val: string }
  /** A file of the work tree that the attempt wrote. */
  | { tag: 'tree'; val: string };

/** What a plugin asks for; the user's configuration decides whether it gets it. Made by `want`. */
export type Want = { tag: 'report-files' | 'tree-files' | 'http' | 'secret'; val: string };

export declare const want: {
  /** Files of the report folder that match a glob, given to `parse`. */
  reportFiles(glob: string): Want;
  /** Files of the work tree that match a glob, given to `parse` when the attempt wrote them. */
  treeFiles(glob: string): Want;
  /** Requests to this origin, `https://host[:port]`. */
  http(origin: string): Want;
  /** A secret that deliveries name as `${{ secrets.NAME }}`. */
  secret(name: string): Want;
};

export interface Manifest {
  /** Lower-case letters, digits and `-`; at most 64. */
  name: string;
  version: string;
  /** One line. */
  summary: string;
  /** JSON Schema of the settings; left out: takes none. */
  settingsSchema?: JsonObject;
  wants?: readonly Want[];
}

/** The typed failure of a call. Throw it for what the user can mend; any other exception is a bug of the plugin. */
export declare class PluginError extends Error {
  constructor(code: string, message: string, options?: { hint?: string; at?: [Source, bigint] });
  readonly code: string;
  readonly hint?: string;
  readonly at?: [Source, bigint];
}

/** Diagnostics of the plugin itself: capped by the host, never fatal. */
export declare const log: Record<'debug' | 'info' | 'warn' | 'error', (message: string) => void>;

/** Longest input that is read whole, unless another is named. */
export declare const MOST_CHARACTERS: number;
/** Characters kept of one line. */
export declare const LONGEST_LINE: number;

/** Bytes kept by the host. Bytes that are not UTF-8 are U+FFFD in all that is read. */
export declare class Blob {
  private constructor();
  /** Bytes there are. */
  readonly size: number;
  /** The bytes [from, to) that the host cut out at its own cap; they are not part of `size`. */
  readonly cut: [number, number] | undefined;
  /** Everything, in pieces of any size. */
  chunks(): Generator<string, void>;
  /** All lines without their ends; of a line beyond `LONGEST_LINE` the rest is left out. */
  lines(): Generator<string, void>;
  /** Everything; throws a `PluginError` where it is larger than `most` bytes. */
  text(most?: number): string;
  /** Everything as JSON; throws a `PluginError` where it is too large, or no JSON. */
  json(most?: number): unknown;
}

export interface AttemptInfo {
  index: number;
  seed: bigint;
  /** What ran, after instrumentation. */
  command: string[];
  exit: { code?: number; signal?: number; timedOut: boolean };
  durationNs: bigint;
  /** What differed between attempts: (condition, value). */
  conditions: [string, string][];
  /** Everything `open` can give. */
  sources: Source[];
}

/** One finished execution of the test command. */
export declare class Attempt {
  private constructor();
  readonly info: AttemptInfo;
  readonly stdout: Blob;
  readonly stderr: Blob;
  open(source: Source): Blob | undefined;
  /** Files of the report folder that the manifest asked for, with their paths in it. */
  reports(): Generator<[string, Blob], void>;
  /** Files of the work tree that the manifest asked for and the attempt wrote. */
  treeFiles(): Generator<[string, Blob], void>;
}

export interface Failure {
  /** The exception or assertion type. */
  kind?: string;
  /** What it said, without the kind. */
  message?: string;
  /** Stack trace or the framework's own account, as printed. */
  trace?: string;
}

export interface Location {
  /** Relative to the project's root, with `/`. */
  file: string;
  /** Counted from 1. */
  line?: number;
}

/** One test of one attempt. */
export interface TestResult {
  /** As the framework names it, stable across attempts. */
  id: string;
  outcome: Outcome;
  /** The end of `id` that is the test's own name; left out where the id is all there is. */
  name?: string;
  durationNs?: bigint;
  failure?: Failure;
  location?: Location;
  /** Outcomes of the tries that the framework itself made. */
  tries?: Outcome[];
}

export interface Diagnostic {
  level: 'error' | 'warning';
  /** `collection-error`, `no-tests`, `usage-error`, `command-not-found`, `build-failed`, `internal-error`, or the like. */
  code: string;
  message: string;
  hint?: string;
  location?: Location;
  at?: [Source, bigint];
}

export interface ParsedAttempt {
  /** What was read, in kebab case. */
  format: string;
  /** In the order in which they ran. */
  tests: TestResult[];
  completeness: Completeness;
  /** Tests the framework announced but gave no outcome for. */
  announced?: string[];
  diagnostics?: Diagnostic[];
}

export interface Interval {
  low: number;
  high: number;
  level: number;
}

export interface Counts {
  /** Attempts that gave the test an outcome that counts. */
  ran: number;
  passed: number;
  failed: number;
  errored: number;
  timedOut: number;
  crashed: number;
  skipped: number;
  /** Attempts that should have told of the test and did not. */
  missing: number;
  retried: number;
  expectedFailures: number;
  unexpectedPasses: number;
}

export interface FailureGroup {
  fingerprint: string;
  count: number;
  kind: string;
  /** One example, capped. */
  message: string;
  trace: string;
}

export interface Tried {
  ran: number;
  failed: number;
}

export type Change = 'introduced' | 'worsened' | 'was-there-before' | 'fixed' | 'no-evidence';

/** All numbers known about one test. */
export interface Evidence {
  id: string;
  counts: Counts;
  /** Failed, errored, timed-out, crashed and unexpected-pass attempts, of `counts.ran`. */
  failures: number;
  rate: number;
  interval: Interval;
  /** One-sided bounds at `level`. */
  bounds: { failureAtMost: number; passAtMost: number; level: number };
  failingSeeds: bigint[];
  firstFailing?: number;
  lastFailing?: number;
  durations?: {
    told: number;
    medianNs: bigint;
    largestNs: bigint;
    medianFailedNs?: bigint;
    slowerWhenFailing?: number;
  };
  groups: FailureGroup[];
  effects: { condition: string; value: string; ran: number; failed: number; pValue: number }[];
  /** The whole suite with no other attempt beside it. */
  alone?: Tried;
  /** With other attempts beside it, where these disturbed each other. */
  sideBySide?: Tried;
  /** Without the other tests of the suite. */
  selected?: Tried;
  base?: Tried & { change: Change; pValue: number; paired: boolean };
  failedInCi: boolean;
  history?: Tried & { runs: number; firstFailed?: bigint; lastFailed?: bigint };
  /** What earlier policies in the chain said. */
  tags: Tag[];
  more: JsonObject;
}

export interface Verdict {
  category: Category;
  severity: Severity;
  /** One sentence, with n. */
  reason: string;
  /** 0 to 1; 1 where it is left out. */
  confidence?: number;
  tags?: Tag[];
}

export interface RunSummary {
  /** Attempts that counted. */
  totalRuns: number;
  /** Attempts in which anything failed. */
  failures: number;
  verdicts: [string, Required<Verdict>][];
  more: JsonObject;
}

/** The worst of several severities. */
export declare function worst(...severities: Severity[]): Severity;

type SeverityWord = 'NONE' | 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';

/** One test of the report document. */
export interface TestReport {
  id: string;
  ran: number;
  failures: number;
  rate: number;
  verdict: Category;
  severity?: SeverityWord | null;
  interval?: Interval;
  confidence?: number;
  reason?: string;
  decided_by?: string;
  failure_groups?: { count: number; kind?: string; message?: string; trace?: string }[];
  tags?: Tag[];
  [more: string]: unknown;
}

/** The report document: the fields that reporters use most. `docs/schema/report.schema.json` has all of them. */
export interface Report {
  report_version: number;
  total_runs: number;
  failures: number;
  verdict: Category;
  severity?: SeverityWord | null;
  reason?: string;
  hint?: string | null;
  run?: string;
  subject?: { source?: string; commit?: string | null; reference?: string | null; command?: string[] };
  tests?: TestReport[];
  [more: string]: unknown;
}

export interface RenderContext {
  /** Columns of the terminal; left out when the output is not one. */
  width?: number;
  colour: boolean;
  reportVersion: number;
  /** What is known of where the result is told: CI job, commit, pull request, results told before. */
  more: JsonObject;
}

export interface Annotation {
  level: 'notice' | 'warning' | 'failure';
  file: string;
  line?: number;
  title: string;
  message: string;
}

/** Something that the host writes or sends; made by `deliver`. */
export type Delivery = { tag: string; val: unknown };

export declare const deliver: {
  /** Text for standard output. */
  print(text: string): Delivery;
  /** A file; an empty path is the one that the user gave to this reporter. */
  file(path: string, content: string | Uint8Array): Delivery;
  /** A request. URL, headers and body may hold `${{ secrets.NAME }}`. */
  http(request: {
    method?: string;
    url: string;
    headers?: [string, string][];
    body?: string | Uint8Array;
  }): Delivery;
  /** Markdown that replaces the earlier comment with the same key. */
  pullRequestComment(key: string, body: string): Delivery;
  /** Markdown for the summary of the CI job. */
  jobSummary(markdown: string): Delivery;
  annotations(annotations: Annotation[]): Delivery;
  checkRun(check: {
    name: string;
    conclusion: 'success' | 'neutral' | 'failure';
    title: string;
    summary: string;
    annotations?: Annotation[];
  }): Delivery;
  /** For later steps of a workflow: enumerations and numbers only. */
  outputs(values: [string, string][]): Delivery;
  /** A kind that this version of the contract does not know. */
  other(kind: string, body: JsonObject): Delivery;
};

/** What every plugin has. `S` is what `configure` makes of the settings. */
export interface Common<S> {
  manifest: Manifest;
  /** Takes the settings, valid against the manifest's schema; what a schema cannot say is checked here. */
  configure?(settings: JsonObject): S;
}

export interface Policy<S> extends Common<S> {
  /** The verdict of one test; `undefined` leaves it to the next policy. */
  judge?(test: Evidence, settings: S): Verdict | undefined;
  /** Instead of `judge`, where tests are judged together: one answer for each, in order. */
  classify?(batch: Evidence[], settings: S): (Verdict | undefined)[];
  /** The verdict of the run as a whole; `undefined` leaves it to the next policy. */
  summarise?(run: RunSummary, settings: S): Verdict | undefined;
}

export interface Parser<S> extends Common<S> {
  /** An outcome for each test; `undefined` says that this is none of its formats: the next one is asked. */
  parse(attempt: Attempt, settings: S): ParsedAttempt | undefined;
}

export interface Reporter<S> extends Common<S> {
  /** What is to be written and sent. */
  render(report: Report, context: RenderContext, settings: S): Iterable<Delivery>;
}

export declare function definePolicy<S = JsonObject>(definition: Policy<S>): Readonly<Policy<S> & { role: 'policy' }>;
export declare function defineParser<S = JsonObject>(definition: Parser<S>): Readonly<Parser<S> & { role: 'parser' }>;
export declare function defineReporter<S = JsonObject>(
  definition: Reporter<S>,
): Readonly<Reporter<S> & { role: 'reporter' }>;
