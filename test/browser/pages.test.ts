import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import { adminTexts } from '../../src/pages/admin-texts.ts';
import type { Text } from '../../src/texts.ts';
import { useBrowser } from '../support/browser.ts';
import { useDemoServer } from '../support/server-process.ts';

const url = useDemoServer();
const visit = useBrowser(url);
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SIZES = [
  { width: 390, height: 844 },
  { width: 1280, height: 900 },
  { width: 2560, height: 1200 },
] as const;

const CASES = [
  ...['/', '/JUNE-2', '/SUPPORT-2', '/NONE-1'].flatMap((path) =>
    (['light', 'dark'] as const).flatMap((theme) => SIZES.map((size) => [path, theme, size] as const)),
  ),
  ...['/admin', '/admin/users', '/admin/tokens', '/admin/queues', '/admin/linktypes', '/docs/json-rpc'].flatMap(
    (path) =>
      [
        [path, 'dark', SIZES[0]],
        [path, 'light', SIZES[1]],
      ] as const,
  ),
];

test.each(CASES)('axe finds nothing at %s in the %s theme at %j, and nothing overflows', async (path, theme, size) => {
  const { page, consoleErrors } = visit();
  await page.emulateMedia({ colorScheme: theme });
  await page.setViewportSize(size);
  await page.goto(`${url()}${path}`);
  // To look at.
  const folder = process.env['SCREENSHOTS'];
  const name = `${path.slice(1).replaceAll('/', '-') || 'start'}-${theme}-${size.width}.png`;
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}`, fullPage: true });

  await expectAccessible();
  const hidden = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  expect(hidden).toBe(0);
  // Chromium logs a failed request.
  expect(consoleErrors.filter((error) => !error.includes('404'))).toEqual([]);
});

async function expectAccessible(): Promise<void> {
  const { page } = visit();
  await page.evaluate(AXE);
  const results = await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(TAGS)}, resultTypes: ['violations'] })`);
  const { violations, passes } = results as AxeResults;
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  expect(passes.length).toBeGreaterThan(10);
}

test('the start page leads through the picture to an issue, and back', async () => {
  const { page, consoleErrors } = visit();
  await page.goto(`${url()}/`);
  await page.getByRole('link', { name: /^JUNE-2: / }).click();
  await page.waitForURL(`${url()}/JUNE-2`);
  expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('JUNE-2');
  await page.getByRole('link', { name: 'TREK-9844', exact: true }).first().click();
  await page.waitForURL(`${url()}/TREK-9844`);
  await page.getByRole('link', { name: 'issue-links' }).click();
  await page.waitForURL(`${url()}/`);
  expect(consoleErrors).toEqual([]);
});

test('a picture can be opened by itself', async () => {
  const { page, consoleErrors } = visit();
  await page.setExtraHTTPHeaders({ Authorization: 'OAuth demo-token' });
  await page.goto(`${url()}/v3/issues/JUNE-2/links/_graph?format=svg`);
  const font = await page.evaluate('getComputedStyle(document.querySelector("text.key")).fontWeight');
  expect(font).toBe('600');
  await page.getByRole('link', { name: /^TREK-9844: / }).click();
  await page.waitForURL(`${url()}/v3/issues/TREK-9844`);
  expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('TREK-9844');
  expect(consoleErrors).toEqual([]);
});

test('an administrator adds a user and creates a token for them without scripts', async () => {
  const { page, consoleErrors } = visit();
  await page.goto(`${url()}/admin`);
  await page
    .getByRole('navigation')
    .getByRole('link', { name: /Users|Пользователи/ })
    .click();
  const label = (text: Text) => page.getByLabel(new RegExp(`^(${text.ru}|${text.en})`), { exact: true });
  const button = (text: Text) => page.getByRole('button', { name: new RegExp(`^(${text.ru}|${text.en})$`) });
  await label(adminTexts.login).fill('newcomer');
  await button(adminTexts.add).click();
  await page.getByRole('link', { name: /: newcomer$/ }).click();
  await label(adminTexts.login).fill('newcomer');
  await button(adminTexts.create).click();
  const token = await page.getByRole('status').locator('pre').innerText();
  await expectAccessible();
  const headers = { Authorization: `OAuth ${token}` };
  const { login } = (await (await fetch(`${url()}/v3/myself`, { headers })).json()) as { login: string };
  expect(login).toBe('newcomer');
  await label(adminTexts.login).fill('nobody');
  await button(adminTexts.create).click();
  await page.getByRole('alert').waitFor();
  await expectAccessible();
  // Chromium logs a failed request.
  expect(consoleErrors.splice(0).filter((error) => !error.includes('404'))).toEqual([]);
  expect(consoleErrors).toEqual([]);
});
