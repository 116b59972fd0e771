import { beforeAll, expect, test } from '@jest/globals';
import { pageTexts } from '../../src/pages/page-texts.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { useBrowser } from '../support/browser.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';

const api = useApi();
const visit = useBrowser(() => api().url);
let org: GivenOrganisation;
let issue: GivenIssue;

beforeAll(async () => {
  const { db } = api().database;
  org = await givenOrganisation(db, { language: 'en' });
  issue = await givenIssue(db, org, (await givenQueue(db, org)).key, { summary: 'Behind the form' });
});

test('a reader signs in with a token where the page asks for it, and out again', async () => {
  const { page, consoleErrors } = visit();
  const signIn = async (token: string) => {
    await page.getByLabel(pageTexts.token.en, { exact: true }).fill(token);
    await page.getByRole('button', { name: pageTexts.signIn.en }).click();
  };
  const heading = () => page.getByRole('heading', { level: 1 }).innerText();
  await page.goto(`${api().url}/${issue.key}`);
  expect(await page.getByRole('alert').innerText()).toBe(pageTexts.signInFirst.en);
  await signIn('wrong');
  await page.getByText(texts.tokenUnknown.en).waitFor();
  expect(await page.context().cookies()).toEqual([]);
  // Chromium logs each response with an error.
  expect(consoleErrors.splice(0).filter((error) => !error.includes('401'))).toEqual([]);

  await signIn(org.admin.token);
  await page.waitForURL(`${api().url}/${issue.key}`);
  expect(await heading()).toBe(`${issue.key} Behind the form`);
  expect(await page.context().cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict', expires: -1 }]);
  expect(await page.evaluate('document.cookie')).toBe('');
  await page.reload();
  expect(await heading()).toContain(issue.key);

  await page.getByRole('button', { name: pageTexts.signOut.en }).click();
  await page.waitForURL(`${api().url}/`);
  expect(await page.context().cookies()).toEqual([]);
  await page.getByLabel(pageTexts.token.en, { exact: true }).waitFor();
  expect(consoleErrors).toEqual([]);
});
