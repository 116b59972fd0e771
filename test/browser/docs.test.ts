import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { useBrowser } from '../support/browser.ts';
import { useDemoServer } from '../support/server-process.ts';

const url = useDemoServer();
const visit = useBrowser(url);

test('/docs is authorised for the demo and executes listIssueLinks unchanged', async () => {
  const { page, consoleErrors, requests } = visit();
  await page.goto(`${url()}/docs`);
  await operation('listIssueLinks').click();
  await execute();

  const response = await responseBody(200);
  expect(response).toContain('"id": 4709605');
  expect(response).toContain('"key": "TREK-9844"');
  expect(requests).toContain(`${url()}/v2/issues/JUNE-2/links`);
  expect(consoleErrors).toEqual([]);
});

test('/docs works below a prefix that a proxy removes, in the colours of the reader', async () => {
  const { page, consoleErrors, requests } = visit();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.route(`${url()}/prefix/**`, (route) =>
    route.continue({ url: route.request().url().replace('/prefix/', '/') }),
  );
  await page.goto(`${url()}/prefix/docs`);
  await operation('listIssueLinks').click();
  await execute();
  expect(await responseBody(200)).toContain('"id": 4709605');
  expect(requests.filter((request) => !request.startsWith(`${url()}/prefix/`) && !request.startsWith('data:'))).toEqual(
    [],
  );
  const isDark = 'getComputedStyle(document.querySelector(".swagger-ui")).backgroundColor === "rgb(28, 32, 34)"';
  expect(await page.evaluate(isDark)).toBe(true);
  await page.emulateMedia({ colorScheme: 'light' });
  // Repeated from here: what waitForFunction repeats in the page is an `eval`, which the page's policy refuses.
  while (await page.evaluate(isDark)) await sleep(20);
  expect(consoleErrors).toEqual([]);
});

test('/docs/ accepts a token, another version and another issue', async () => {
  const { page, consoleErrors } = visit();
  await page.goto(`${url()}/docs/`);
  await authorise(undefined);
  await operation('listIssueLinks').click();
  await execute();
  expect(await responseBody(401)).toContain('"statusCode": 401');
  // Chromium logs every failed request.
  expect(consoleErrors.splice(0)).toEqual([expect.stringContaining('401')]);

  await authorise('OAuth demo-token');
  await page.locator('.servers select').selectOption('/v3');
  await page.locator('.parameters').getByPlaceholder('issueId').fill('TREK-9844');
  await execute();

  expect(await responseBody(200)).toContain(`"self": "${url()}/v3/issues/TREK-9844/links/4709605"`);
  expect(consoleErrors).toEqual([]);
});

test('/docs executes updateIssueLink unchanged: no prefilled header prevents it', async () => {
  const { page, consoleErrors } = visit();
  await page.goto(`${url()}/docs`);
  await operation('updateIssueLink').click();
  expect(await page.getByPlaceholder('If-Match').inputValue()).toBe('');
  expect(await page.getByPlaceholder('X-Org-ID').inputValue()).toBe('1');
  await execute();

  expect(await responseBody(200)).toContain('"id": 4709605');
  expect(consoleErrors).toEqual([]);
});

test('/docs is authorised for the Kanboard API of the demo, lists its examples and executes one', async () => {
  const { page, consoleErrors, requests } = visit();
  await page.goto(`${url()}/docs`);
  await operation('callJsonRpc').click();
  const examples = page.locator('.examples-select-element').first();
  expect(await examples.locator('option').allTextContents()).toEqual(
    expect.arrayContaining(['getVersion', 'Two calls at once', 'Task 12 blocks task 3']),
  );
  await examples.selectOption({ label: 'getVersion' });
  await execute();

  expect(await responseBody(200)).toContain('"result": "1.2.53');
  expect(requests).toContain(`${url()}/jsonrpc.php`);
  expect(consoleErrors).toEqual([]);
});

test('/docs accepts the credentials of a Kanboard user', async () => {
  const { page, consoleErrors, requests } = visit();
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

  expect(await responseBody(200)).toContain('"username": "admin"');
  expect(requests).toContain(`${url()}/kanboard/1/jsonrpc.php`);
  expect(consoleErrors).toEqual([]);
});

test('/docs shows every operation of the contract', async () => {
  const { page, consoleErrors } = visit();
  await page.goto(`${url()}/docs`);
  await page.locator('.opblock').first().waitFor();

  const contract = (await (await fetch(`${url()}/docs/openapi.json`)).json()) as { paths: Record<string, object> };
  const declared = Object.values(contract.paths).flatMap((item) =>
    Object.keys(item).filter((key) => /^(get|post|put|patch|delete)$/.test(key)),
  );
  expect(await page.locator('.opblock').count()).toBe(declared.length);
  expect(consoleErrors).toEqual([]);
});

function operation(id: string) {
  return visit().page.locator(`.opblock[id$="-${id}"] .opblock-summary-control`);
}

async function execute(): Promise<void> {
  await visit().page.getByRole('button', { name: 'Execute', exact: true }).click();
}

/** Waits until the page shows a response with this status, and returns its text. */
async function responseBody(status: number): Promise<string> {
  const response = visit()
    .page.locator('.live-responses-table tr.response')
    .filter({ hasText: String(status) });
  await response.waitFor();
  return response.innerText();
}

/** Enters a token in the dialog; undefined removes the authorisation. */
async function authorise(value: string | undefined): Promise<void> {
  const { page } = visit();
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
