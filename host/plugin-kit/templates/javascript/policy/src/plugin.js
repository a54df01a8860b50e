// Failures that are all the infrastructure's are LOW, and tagged `cause=infra`; all else is left to the next policy.

import { definePolicy } from 'flaky-plugin-sdk';

const WORDS = ['connection refused', 'timed out waiting for'];

export default definePolicy({
  manifest: {
    name: '{{name}}',
    version: '0.1.0',
    summary: 'failures of the infrastructure are LOW',
    settingsSchema: {
      type: 'object',
      properties: { words: { type: 'array', items: { type: 'string', minLength: 1 } } },
      additionalProperties: false,
    },
  },

  // A failure with one of these in its message, whatever the case, is the infrastructure's.
  configure(settings) {
    const words = /** @type {string[]} */ (settings.words ?? WORDS);
    return { words: words.map((word) => word.toLowerCase()) };
  },

  judge(test, { words }) {
    /** @param {string} message */
    const isOurs = (message) => words.some((word) => message.toLowerCase().includes(word));
    if (test.groups.length === 0 || !test.groups.every((group) => isOurs(group.message))) return undefined;
    return {
      category: 'flaky',
      severity: 'low',
      confidence: 0.9,
      reason: `all ${test.failures} failures in ${test.counts.ran} attempts are the infrastructure's`,
      tags: [['cause', 'infra']],
    };
  },
});
