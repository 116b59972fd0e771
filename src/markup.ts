/** Text that is valid HTML and XML, and is inserted as it is. */
export class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

type Value = string | number | Markup | undefined | readonly (Markup | undefined)[];

/**
 * A tagged template for HTML and SVG. Values are escaped, for text and for attributes in double quotes, except Markup and
 * arrays of it. `undefined` inserts nothing.
 */
export function markup(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(parts.reduce((text, part, place) => `${text}${inserted(values[place - 1])}${part}`));
}

function inserted(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'object') return value instanceof Markup ? value.toString() : value.map(inserted).join('');
  return withoutControls(String(value)).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Replaces the characters that XML does not allow, not even escaped. */
export function withoutControls(text: string): string {
  return text.replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}');
}
