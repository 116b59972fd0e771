import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { useDemoServer } from '../support/server-process.ts';

/** jest.config.js looks for it. */
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

/** A browser beside a database and a server is slow where others work too; how slow is no matter here. */
const PATIENCE_MS = 120_000;
jest.setTimeout(PATIENCE_MS);

const url = useDemoServer();
let browser: Browser | undefined;
let page: Page;
/** What the browser complained about, and where it asked. */
let complaints: string[];
let requests: string[];

beforeAll(async () => {
  if (CHROMIUM === undefined || !existsSync(CHROMIUM)) {
    throw new Error('There is no Chromium: install it, or set CHROMIUM to the path of its program.');
  }
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});
afterAll(async () => {
  await browser?.close();
});

beforeEach(async () => {
  complaints = [];
  requests = [];
  page = await (browser as Browser).newPage({ viewport: { width: 1280, height: 1600 } });
  page.setDefaultTimeout(PATIENCE_MS / 2);
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
});
afterEach(async () => {
  if (browser === undefined) return;
  await page.close();
  const elsewhere = requests.filter((request) => !request.startsWith(`${url()}/`) && !request.startsWith('data:'));
  expect(elsewhere).toEqual([]);
  expect(requests.length).toBeGreaterThan(0);
});

test('/docs is authorised for the demo, and executes listIssueLinks as it stands', async () => {
  await page.goto(`${url()}/docs`);
  await operation('listIssueLinks').click();
  await execute();

  const answer = await answered(200);
  expect(answer).toContain('"id": 4709605');
  expect(answer).toContain('"key": "TREK-9844"');
  expect(requests).toContain(`${url()}/v2/issues/JUNE-2/links`);
  expect(complaints).toEqual([]);
});

test('/docs/ takes a token by hand, for another version and another issue', async () => {
  await page.goto(`${url()}/docs/`);
  await authorise(undefined);
  await operation('listIssueLinks').click();
  await execute();
  expect(await answered(401)).toContain('"statusCode": 401');
  // Chromium itself writes every refusal to the console.
  expect(complaints.splice(0)).toEqual([expect.stringContaining('401')]);

  await authorise('OAuth demo-token');
  await page.locator('.servers select').selectOption('/v3');
  await page.locator('.parameters').getByPlaceholder('issueId').fill('TREK-9844');
  await execute();

  expect(await answered(200)).toContain(`"self": "${url()}/v3/issues/TREK-9844/links/4709605"`);
  expect(complaints).toEqual([]);
});

test('/docs asks for nothing that would be in the way: changing a link by its id works as it stands', async () => {
  await page.goto(`${url()}/docs`);
  await operation('updateIssueLink').click();
  expect(await page.getByPlaceholder('If-Match').inputValue()).toBe('');
  expect(await page.getByPlaceholder('X-Org-ID').inputValue()).toBe('1');
  await execute();

  expect(await answered(200)).toContain('"id": 4709605');
  expect(complaints).toEqual([]);
});

test('/docs is authorised for the Kanboard face of the demo, lists its calls, and executes one', async () => {
  await page.goto(`${url()}/docs`);
  await operation('callJsonRpc').click();
  const examples = page.locator('.examples-select-element').first();
  expect(await examples.locator('option').allTextContents()).toEqual(
    expect.arrayContaining(['getVersion', 'Two calls at once', 'Task 12 blocks task 3']),
  );
  await examples.selectOption({ label: 'getVersion' });
  await execute();

  expect(await answered(200)).toContain('"result": "1.2.53');
  expect(requests).toContain(`${url()}/jsonrpc.php`);
  expect(complaints).toEqual([]);
});

test('/docs takes a user of the Kanboard face by hand', async () => {
  await page.goto(`${url()}/docs`);
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const form = page.locator('.auth-container').filter({ hasText: 'kanboard' });
  await form.getByRole('button', { name: 'Remove authorization' }).click();
  await form.getByLabel('Username').fill('admin');
  await form.getByLabel('Password').fill('admin');
  await form.getByRole('button', { name: 'Apply credentials' }).click();
  await page.locator('.close-modal').click();
  await operation('callJsonRpcOfOrganisation').click();
  await page.locator('.body-param__text').fill('{"jsonrpc":"2.0","method":"getMe","id":1}');
  await execute();

  expect(await answered(200)).toContain('"username": "admin"');
  expect(requests).toContain(`${url()}/kanboard/1/jsonrpc.php`);
  expect(complaints).toEqual([]);
});

test('/docs shows every operation of the contract', async () => {
  await page.goto(`${url()}/docs`);
  await page.locator('.opblock').first().waitFor();

  const contract = (await (await fetch(`${url()}/openapi.json`)).json()) as { paths: Record<string, object> };
  const declared = Object.values(contract.paths).flatMap((item) =>
    Object.keys(item).filter((key) => /^(get|post|put|patch|delete)$/.test(key)),
  );
  expect(await page.locator('.opblock').count()).toBe(declared.length);
  expect(complaints).toEqual([]);
});

function operation(id: string) {
  return page.locator(`.opblock[id$="-${id}"] .opblock-summary-control`);
}

async function execute(): Promise<void> {
  await page.getByRole('button', { name: 'Execute' }).click();
}

/** The answer that the page shows, once it is the one that is waited for. */
async function answered(status: number): Promise<string> {
  const answer = page.locator('.live-responses-table tr.response').filter({ hasText: String(status) });
  await answer.waitFor();
  return answer.innerText();
}

/** Through the dialog; nothing takes the authorisation away. */
async function authorise(value: string | undefined): Promise<void> {
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const form = page.locator('.auth-container').filter({ hasText: 'oauth' });
  if (value === undefined) {
    await form.getByRole('button', { name: 'Remove authorization' }).click();
  } else {
    await form.locator('input').fill(value);
    await form.getByRole('button', { name: 'Apply credentials' }).click();
  }
  await page.locator('.close-modal').click();
}
