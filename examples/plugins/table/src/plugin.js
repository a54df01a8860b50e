// The result as a CSV file, and as a message in Microsoft Teams.

import { defineReporter, deliver, want } from 'flaky-plugin-sdk';

import { message } from './card.js';
import { csv } from './csv.js';

export default defineReporter({
  manifest: {
    name: 'table',
    version: '1.0.0',
    summary: 'the tests as CSV, and a message in Microsoft Teams',
    settingsSchema: {
      type: 'object',
      properties: {
        teams: { type: 'boolean', description: 'send the message' },
        file: { type: 'string', description: 'of the CSV, below the output folder; left out: the one named by `--report`' },
      },
      additionalProperties: false,
    },
    // The address of a workflow carries its own key, so all of it is the secret, and where it leads is the user's word.
    wants: [want.secret('TEAMS_WEBHOOK_URL')],
  },

  configure: ({ teams = false, file = '' }) => ({ teams: teams === true, file: String(file) }),

  *render(report, context, { teams, file }) {
    yield deliver.file(file, csv(report));
    if (!teams || report.verdict === 'stable') return;
    yield deliver.http({
      url: '${{ secrets.TEAMS_WEBHOOK_URL }}',
      headers: [['content-type', 'application/json']],
      body: JSON.stringify(message(report)),
    });
  },
});
