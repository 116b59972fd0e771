import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import {
  all,
  any,
  type Condition,
  conditionOn,
  fieldNamed,
  type Operand,
  type Order,
  orderNamed,
} from './search-condition.ts';

/** A parsed query in Tracker's query language. */
export interface Query {
  /** Undefined if the query has no conditions and matches all issues. */
  readonly condition: Condition | undefined;
  readonly order: readonly Order[];
}

type Token =
  | { readonly kind: 'word' | 'string'; readonly text: string; readonly at: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number };

const DEPTH_MAX = 30;
/** More conditions would exceed the time limit of a request. */
export const CONDITIONS_MAX = 200;

/**
 * Parses a query:
 *
 *     query     = [ either ] [ "Sort by" ":" order { "," order } ]
 *     either    = both { ("OR" | "||") both }
 *     both      = one { [ "AND" | "&&" ] one }
 *     one       = ("!" | "NOT") one | "(" either ")" | name ":" value { "," value }
 *     value     = { "!" } ( ( "#" | "~" ) string | [ ">" | ">=" | "<" | "<=" ] ( text [ ".." text ] | name "(" ")" ) )
 *     order     = name [ "ASC" | "DESC" ]
 *
 * A text is a quoted string or a sequence of words. Throws `invalid` with the position of the error.
 */
export function parseQuery(text: string): Query {
  return new Parser(tokensOf(text)).query();
}

class Parser {
  readonly #tokens: readonly Token[];
  #place = 0;
  #depth = 0;
  #conditions = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  query(): Query {
    const condition = this.#isEnd() || this.#isSortBy() ? undefined : this.#either();
    const order = this.#isSortBy() ? this.#sortBy() : [];
    if (!this.#isEnd()) this.#unexpected('AND, OR, «Sort by» или конец запроса', 'AND, OR, "Sort by" or the end');
    return { condition, order };
  }

  #either(): Condition {
    const conditions = [this.#both()];
    while (this.#takeWord('OR') || this.#takeSymbol('||')) conditions.push(this.#both());
    return any(conditions);
  }

  #both(): Condition {
    const conditions = [this.#one()];
    for (;;) {
      if (this.#takeWord('AND') || this.#takeSymbol('&&')) conditions.push(this.#one());
      // Adjacent conditions are joined by AND.
      else if (this.#startsCondition()) conditions.push(this.#one());
      else return all(conditions);
    }
  }

  #one(): Condition {
    this.#depth += 1;
    this.#conditions += 1;
    if (this.#depth > DEPTH_MAX || this.#conditions > CONDITIONS_MAX) refuseAt(this.#token.at, texts.searchTooLarge);
    const condition = this.#oneWithin();
    this.#depth -= 1;
    return condition;
  }

  #oneWithin(): Condition {
    if (this.#takeSymbol('!') || this.#takeWord('NOT')) return { kind: 'not', condition: this.#one() };
    if (this.#takeSymbol('(')) {
      const condition = this.#either();
      if (!this.#takeSymbol(')')) this.#unexpected('закрывающая скобка', 'a closing parenthesis');
      return condition;
    }
    const { name, at } = this.#fieldName();
    const field = fieldNamed(name, (text) => refuseAt(at, text));
    return conditionOn(field, name, this.#values());
  }

  /** Takes a field name and the colon after it. */
  #fieldName(): { name: string; at: number } {
    const { at, kind } = this.#token;
    const words: string[] = [];
    if (kind === 'string') words.push(this.#take().text);
    else while (this.#token.kind === 'word') words.push(this.#take().text);
    if (words.length === 0) this.#unexpected('имя поля', 'the name of a field');
    if (!this.#takeSymbol(':')) this.#unexpected('двоеточие после имени поля', 'a colon after the name of a field');
    return { name: words.join(' '), at };
  }

  #values(): Operand[] {
    const values = [this.#value()];
    while (this.#takeSymbol(',')) values.push(this.#value());
    return values;
  }

  #value(): Operand {
    this.#conditions += 1;
    if (this.#conditions > CONDITIONS_MAX) refuseAt(this.#token.at, texts.searchTooLarge);
    let negated = false;
    while (this.#takeSymbol('!')) negated = !negated;
    const whole = (['#', '~'] as const).find((symbol) => this.#takeSymbol(symbol));
    if (whole !== undefined) {
      const { text, at } = this.#take();
      const value = { is: 'whole', text } as const;
      return { negated: negated !== (whole === '~'), comparison: '=', value, refuse: (words) => refuseAt(at, words) };
    }
    const comparison = (['>=', '<=', '>', '<'] as const).find((symbol) => this.#takeSymbol(symbol)) ?? '=';
    const { at } = this.#token;
    const refuse = (text: Text) => refuseAt(at, text);
    const text = this.#text();
    if (this.#takeSymbol('(')) {
      if (!this.#takeSymbol(')')) this.#unexpected('закрывающая скобка', 'a closing parenthesis');
      return { negated, comparison, value: { is: 'function', name: text.toLowerCase() }, refuse };
    }
    if (this.#takeSymbol('..')) {
      return { negated, comparison, value: { is: 'range', from: text, to: this.#text() }, refuse };
    }
    return { negated, comparison, value: { is: 'text', text }, refuse };
  }

  /** Takes a quoted string, or words up to the next operator, field or order. */
  #text(): string {
    if (this.#token.kind === 'string') return this.#take().text;
    const words: string[] = [];
    while (this.#token.kind === 'word' && !(words.length > 0 && this.#endsWords())) words.push(this.#take().text);
    if (words.length === 0) this.#unexpected('значение', 'a value');
    return words.join(' ');
  }

  /** Whether the current word starts an operator, the next field or the order. */
  #endsWords(): boolean {
    return this.#isOperator() || this.#symbolAt(1) === ':' || this.#isSortBy();
  }

  #sortBy(): Order[] {
    this.#fieldName();
    const order: Order[] = [];
    do {
      const { at } = this.#token;
      const words: string[] = [];
      if (this.#token.kind === 'string') words.push(this.#take().text);
      while (this.#token.kind === 'word') words.push(this.#take().text);
      const direction = words.length > 1 ? words.at(-1)?.toUpperCase() : undefined;
      const isDirection = direction === 'ASC' || direction === 'DESC';
      const name = (isDirection ? words.slice(0, -1) : words).join(' ');
      if (name === '') this.#unexpected('имя поля', 'the name of a field');
      order.push(orderNamed(name, direction === 'DESC', (text) => refuseAt(at, text)));
    } while (this.#takeSymbol(','));
    return order;
  }

  #isSortBy(): boolean {
    const [first, second] = [this.#token, this.#tokenAt(1)];
    if (/^sort\s*by$/i.test(first.text) && first.kind !== 'symbol')
      return second.text === ':' && second.kind === 'symbol';
    const isWords = first.kind === 'word' && second.kind === 'word' && this.#symbolAt(2) === ':';
    return isWords && /^sort by$/i.test(`${first.text} ${second.text}`);
  }

  #startsCondition(): boolean {
    if (this.#isEnd() || this.#isSortBy() || this.#isOperator('OR')) return false;
    return this.#token.kind !== 'symbol' || this.#token.text === '(' || this.#token.text === '!';
  }

  #isOperator(...only: string[]): boolean {
    const operators = only.length > 0 ? only : ['AND', 'OR', 'NOT'];
    return this.#token.kind === 'word' && operators.includes(this.#token.text.toUpperCase());
  }

  get #token(): Token {
    return this.#tokenAt(0);
  }

  #tokenAt(offset: number): Token {
    // Reading past the last token returns it: it is the end.
    return this.#tokens[Math.min(this.#place + offset, this.#tokens.length - 1)] as Token;
  }

  #symbolAt(offset: number): string | undefined {
    const { kind, text } = this.#tokenAt(offset);
    return kind === 'symbol' ? text : undefined;
  }

  #isEnd(): boolean {
    return this.#token.kind === 'end';
  }

  #take(): Token {
    const token = this.#token;
    this.#place += 1;
    return token;
  }

  #takeSymbol(symbol: string): boolean {
    const isThere = this.#symbolAt(0) === symbol;
    if (isThere) this.#place += 1;
    return isThere;
  }

  #takeWord(operator: string): boolean {
    const isThere = this.#isOperator(operator);
    if (isThere) this.#place += 1;
    return isThere;
  }

  #unexpected(ruExpected: string, enExpected: string): never {
    const { kind, text, at } = this.#token;
    const words =
      kind === 'end' ? texts.searchEnds(ruExpected, enExpected) : texts.searchUnexpected(text, ruExpected, enExpected);
    return refuseAt(at, words);
  }
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(\.\.|&&|\|\||>=|<=|[():,!<>]|[#~](?="))|((?:(?!\.\.|&&|\|\|)[^\s"():,!<>])+))/suy;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  for (let place = 0; place < end; ) {
    TOKEN.lastIndex = place;
    const found = TOKEN.exec(text);
    // Only an unclosed quotation mark matches no token.
    if (found === null) return refuseAt(place + (/\S/.exec(text.slice(place))?.index ?? 0), texts.searchUnclosed);
    const [whole, quoted, symbol, word] = found;
    place += whole.length;
    const at = place - (quoted ?? symbol ?? word ?? '').length;
    if (quoted !== undefined)
      tokens.push({ kind: 'string', text: quoted.slice(1, -1).replaceAll(/\\(.)/gsu, '$1'), at });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol, at });
    else tokens.push({ kind: 'word', text: word ?? '', at });
  }
  return [...tokens, { kind: 'end', text: '', at: end }];
}

function refuseAt(at: number, { ru, en }: Text): never {
  throw new DomainError('invalid', undefined, { query: texts.searchAt(String(at + 1), ru, en) });
}
