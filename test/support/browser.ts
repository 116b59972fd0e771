import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Found by jest.config.js. */
const CHROMIUM = process.env['CHROMIUM'];
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser, a server and a database are slow on a busy machine. */
const TIMEOUT_MS = 120_000;

export interface Visit {
  readonly page: Page;
  /** Errors and warnings of the page. */
  readonly consoleErrors: string[];
  /** The URLs of its requests. */
  readonly requests: string[];
}

/** A new page of Chromium for each test, which must send requests to the server at `url` only. */
export function useBrowser(url: () => string): () => Visit {
  let browser: Browser | undefined;
  let visit: Visit | undefined;
  jest.setTimeout(TIMEOUT_MS);

  beforeAll(async () => {
    if (CHROMIUM === undefined || !existsSync(CHROMIUM)) {
      throw new Error('Chromium was not found: install it, or set CHROMIUM to its path.');
    }
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
  });

  beforeEach(async () => {
    const page = await (browser as Browser).newPage({ viewport: { width: 1280, height: 1600 } });
    const opened: Visit = { page, consoleErrors: [], requests: [] };
    page.setDefaultTimeout(TIMEOUT_MS / 2);
    page.on('request', (request) => opened.requests.push(request.url()));
    page.on('pageerror', (error) => opened.consoleErrors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') opened.consoleErrors.push(message.text());
    });
    visit = opened;
  });
  afterEach(async () => {
    if (visit === undefined) return;
    await visit.page.close();
    const external = visit.requests.filter(
      (request) => !request.startsWith(`${url()}/`) && !request.startsWith('data:'),
    );
    expect(external).toEqual([]);
    expect(visit.requests.length).toBeGreaterThan(0);
  });
  return () => {
    if (visit === undefined) throw new Error('The browser starts before the first test.');
    return visit;
  };
}
