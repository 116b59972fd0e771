import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { run } from '../support/server-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-openrpc-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('the check of openrpc.yaml passes', async () => {
  expect(await check()).toEqual({ code: 0, stdout: '', stderr: '' });
});

test.each([
  [
    'a method without a name',
    '  - name: getLinkById\n',
    '  - summary: getLinkById\n',
    "document/methods/8 must have required property 'name'",
  ],
  ['a result that does not fit its schema', 'value: UTC', 'value: 5', 'getTimezone: result must be string'],
  [
    'a parameter that does not fit its schema',
    'params: [{ name: label, value: blocks }]',
    'params: [{ name: label, value: [blocks] }]',
    'getLinkByLabel: params/label must be string',
  ],
  [
    'an example without a required parameter',
    'params: [{ name: label, value: blocks }]',
    'params: []',
    "getLinkByLabel: params must have required property 'label'",
  ],
  [
    'an example with an unknown parameter',
    'params: [{ name: label, value: blocks }]',
    'params: [{ name: label, value: blocks }, { name: colour, value: red }]',
    'getLinkByLabel: params must NOT have additional properties',
  ],
])('the check fails for %s', async (_what, text, replacement, problem) => {
  const yaml = await readFile(join(ROOT, 'openrpc.yaml'), 'utf8');
  expect(yaml).toContain(text);
  const file = join(folder, 'openrpc.yaml');
  await writeFile(file, yaml.replace(text, replacement));

  const { code, stderr } = await check(file);
  expect([code, stderr.split('\n')]).toEqual([1, expect.arrayContaining([problem])]);
});

async function check(...file: string[]) {
  const { code, stdout, stderr } = await run([process.execPath, join(ROOT, 'scripts/check-openrpc.js'), ...file], {});
  return { code, stdout, stderr };
}
