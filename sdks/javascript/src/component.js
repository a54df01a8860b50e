// Ties a plugin's definition to the exports of a component. For the entry that `build.js` writes, not for authors.

import { payload } from './error.js';
import { Attempt, Blob } from './inputs.js';
import { sendTo } from './log.js';

/** Every failure leaves as the contract's own. */
function guarded(call) {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      throw payload(error);
    }
  };
}

const object = (text) => {
  const value = JSON.parse(text === '' ? '{}' : text);
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
};

const manifestOf = ({ name, version, summary, settingsSchema, wants = [] }) => ({
  name,
  version,
  summary,
  settingsSchema: settingsSchema === undefined ? '' : JSON.stringify(settingsSchema),
  wants,
});

const verdictOf = (verdict) =>
  verdict === undefined || verdict === null ? undefined : { confidence: 1, tags: [], ...verdict };

// Lists of 64-bit numbers come as typed arrays, whose `map` makes no list of anything else.
const evidenceOf = (raw) => ({ ...raw, failingSeeds: Array.from(raw.failingSeeds), more: object(raw.more) });

const roles = {
  policy(definition, settings) {
    const judge = (test) => definition.judge?.(test, settings());
    return {
      classify: guarded((batch) => {
        const tests = batch.map(evidenceOf);
        const verdicts = definition.classify?.(tests, settings()) ?? tests.map(judge);
        return verdicts.map(verdictOf);
      }),
      summarise: guarded((run) =>
        verdictOf(definition.summarise?.({ ...run, more: object(run.more) }, settings())),
      ),
    };
  },

  parser(definition, settings) {
    const test = (result) => ({ tries: [], ...result, failure: failure(result.failure) });
    const failure = (told) => (told === undefined ? undefined : { kind: '', message: '', trace: '', ...told });
    return {
      parse: guarded((lent) => {
        const attempt = new Attempt(lent.info(), (source) => lent.open(source));
        const parsed = definition.parse(attempt, settings()) ?? {};
        return {
          format: '',
          completeness: 'nothing-recognised',
          announced: [],
          diagnostics: [],
          ...parsed,
          tests: (parsed.tests ?? []).map(test),
        };
      }),
    };
  },

  reporter(definition, settings) {
    return {
      render: guarded((report, context) => {
        const where = { ...context, more: object(context.more) };
        return [...definition.render(new Blob(report).json(), where, settings())];
      }),
    };
  },
};

/** The exports of the component, by their names in the contract. `write` is the host's log. */
export function bind(definition, write) {
  sendTo(write);
  let settings = {};
  return {
    plugin: {
      describe: () => manifestOf(definition.manifest),
      configure: guarded((text) => {
        const given = object(text);
        settings = definition.configure === undefined ? given : definition.configure(given);
      }),
    },
    [definition.role]: roles[definition.role](definition, () => settings),
  };
}
