import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { run, useDemoServer } from '../support/server-process.ts';

/** docs/kanboard.md tells the truth. */

const url = useDemoServer();

const page = readFileSync(new URL('../../docs/kanboard.md', import.meta.url), 'utf8');
const BLOCK = /^```(sh|json)\n(.*?)^```$/gms;
const MARK = '--- the next block';

test('every example of the page answers what the page shows', async () => {
  const blocks = [...page.matchAll(BLOCK)].map(([, language, text = '']) => ({ language, text }));
  const script = blocks
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => `${text}\necho\necho '${MARK}'`)
    .join('\n')
    .replaceAll('http://127.0.0.1:8080', url());
  const { stdout, stderr, code } = await run(['sh', '-c', script], {});
  expect([code, stderr]).toEqual([0, '']);

  // The first block defines what the others use; each of those stands before its answer.
  const answers = stdout.split(MARK).slice(1, -1);
  const shown = blocks.filter(({ language }) => language === 'json');
  expect(shown.length).toBeGreaterThan(5);
  expect(answers).toHaveLength(shown.length);
  for (const [place, { text }] of shown.entries())
    expect({ answer: JSON.parse(answers[place] ?? '') }).toMatchObject({ answer: JSON.parse(text) });
});
