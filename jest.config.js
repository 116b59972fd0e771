import { existsSync } from 'node:fs';

/** The browser for the test of /docs. */
const browser =
  process.env.CHROMIUM ||
  [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ].find(existsSync);
if (browser) process.env.CHROMIUM = browser;

// On a machine with nothing but Node all other tests still run; CI must have a browser.
const ignored = browser || process.env.CI ? [] : ['/test/browser/'];
if (ignored.length > 0) {
  process.stderr.write(
    'No Chromium was found, so test/browser is left out: install it, or set CHROMIUM to its path.\n',
  );
}

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...ignored],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  testSequencer: '<rootDir>/test/support/global-sequencer.js',
  // Tests mostly wait for PostgreSQL and other processes, so Jest's default of one worker fewer than processors is too low.
  maxWorkers: '100%',
  // Some tests start servers and browsers, and the machine may be busy.
  testTimeout: 120_000,
};
