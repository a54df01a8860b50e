'use strict';

// No browser: what a test does is its own affair.
module.exports = { testDir: 'tests', projects: [{ name: 'plain' }] };
