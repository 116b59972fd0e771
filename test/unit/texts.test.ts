import { expect, test } from '@jest/globals';
import { type Text, texts } from '../../src/texts.ts';

/** Every message, with `‹1›` for its first parameter. */
const messages = Object.entries(texts).map(([name, text]: [string, Text | ((...parameters: never[]) => Text)]) => {
  if (typeof text !== 'function') return [name, text] as const;
  const parameters = Array.from({ length: text.length }, (_, place) => `‹${place + 1}›`) as never[];
  return [name, text(...parameters)] as const;
});

// The other tests name a message by its key. Whoever rewords one sees it here.
test('callers read these sentences', () => {
  expect(Object.fromEntries(messages)).toMatchSnapshot();
});

test.each(messages)('%s says what its parameters are', (name, { ru, en }) => {
  const text: unknown = texts[name as keyof typeof texts];
  const parameters = typeof text === 'function' ? text.length : 0;
  for (let place = 1; place <= parameters; place += 1) expect(`${ru} ${en}`).toContain(`‹${place}›`);
});
