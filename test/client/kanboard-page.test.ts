import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { run, useDemoServer } from '../support/server-process.ts';

const url = useDemoServer();

const page = readFileSync(new URL('../../docs/kanboard.md', import.meta.url), 'utf8');
const BLOCK = /^```(sh|json)\n(.*?)^```$/gms;
const SEPARATOR = '--- the next block';

test('every example of docs/kanboard.md returns the response that it shows', async () => {
  const blocks = [...page.matchAll(BLOCK)].map(([, language, text = '']) => ({ language, text }));
  const script = blocks
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => `${text}\necho\necho '${SEPARATOR}'`)
    .join('\n')
    .replaceAll('http://127.0.0.1:8080', url());
  const { stdout, stderr, code } = await run(['sh', '-c', script], {});
  expect([code, stderr]).toEqual([0, '']);

  // The first block defines variables; each other one is followed by its response.
  const responses = stdout.split(SEPARATOR).slice(1, -1);
  const shown = blocks.filter(({ language }) => language === 'json');
  expect(shown.length).toBeGreaterThan(5);
  expect(responses).toHaveLength(shown.length);
  for (const [place, { text }] of shown.entries())
    expect({ response: JSON.parse(responses[place] ?? '') }).toMatchObject({ response: JSON.parse(text) });
});
