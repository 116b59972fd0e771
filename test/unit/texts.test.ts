import { expect, test } from '@jest/globals';
import { type Text, texts } from '../../src/texts.ts';

/** Every message, with `‹1›` for its first parameter. */
const messages = Object.entries(texts).map(([name, text]: [string, Text | ((...parameters: never[]) => Text)]) => {
  if (typeof text !== 'function') return [name, text] as const;
  const parameters = Array.from({ length: text.length }, (_, place) => `‹${place + 1}›`) as never[];
  return [name, text(...parameters)] as const;
});

// The other tests refer to messages by key; a changed wording shows up here.
test('the messages have this wording', () => {
  expect(Object.fromEntries(messages)).toMatchSnapshot();
});

test.each(messages)('the message %s contains all of its parameters', (name, { ru, en }) => {
  const text: unknown = texts[name as keyof typeof texts];
  const parameters = typeof text === 'function' ? text.length : 0;
  for (let place = 1; place <= parameters; place += 1) expect(`${ru} ${en}`).toContain(`‹${place}›`);
});
