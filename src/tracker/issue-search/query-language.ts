import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import {
  all,
  any,
  type Condition,
  conditionOn,
  type Field,
  fieldNamed,
  findField,
  isTimeField,
  type Operand,
  type Order,
  orderNamed,
} from './search-condition.ts';
import { durationMs, type Time } from './search-times.ts';

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
 *     one       = ("!" | "NOT") one | "(" either ")" | name ":" value { "," value } | text
 *     value     = { "!" } ( ( "#" | "~" ) string | text | name "(" ")" | [ ">" | ">=" | "<" | "<=" ] bound [ ".." bound ] )
 *     bound     = number | ( text | name "(" ")" ) { ( "+" | "-" ) duration }
 *     order     = name [ "ASC" | "DESC" ]
 *
 * A text is a quoted string or a sequence of words. A text without a field that follows another condition needs AND
 * or OR, so that a missing comma or colon is not taken for a search. Throws `invalid` with the position of the error.
 */
export function parseQuery(text: string, now = new Date()): Query {
  return new Parser(text, 'query', now).query();
}

/** Parses a time or a number in a filter, whose member is `part`. Throws as `parseQuery` does. */
export function parseValue(text: string, part: string, isTime: boolean, now: Date): Operand {
  return new Parser(text, part, now).value(isTime);
}

const TEXT_FIELD: Field = { is: 'value', name: 'text' };

class Parser {
  readonly #tokens: readonly Token[];
  readonly #part: string;
  readonly #now: Date;
  #place = 0;
  #depth = 0;
  #conditions = 0;

  constructor(text: string, part: string, now: Date) {
    this.#part = part;
    this.#now = now;
    this.#tokens = this.#tokensOf(text);
  }

  query(): Query {
    const condition = this.#isEnd() || this.#isSortBy() ? undefined : this.#either();
    const order = this.#isSortBy() ? this.#sortBy() : [];
    if (!this.#isEnd()) this.#unexpected('AND, OR, «Sort by» или конец запроса', 'AND, OR, "Sort by" or the end');
    return { condition, order };
  }

  value(isTime: boolean): Operand {
    const value = this.#value(isTime);
    if (!this.#isEnd()) this.#unexpected('конец значения', 'the end of the value');
    return value;
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
      else if (this.#startsCondition()) conditions.push(this.#one(true));
      else return all(conditions);
    }
  }

  #one(isAdjacent = false): Condition {
    this.#depth += 1;
    this.#conditions += 1;
    if (this.#depth > DEPTH_MAX || this.#conditions > CONDITIONS_MAX) {
      this.#refuseAt(this.#token.at, texts.searchTooLarge);
    }
    const condition = this.#oneWithin(isAdjacent);
    this.#depth -= 1;
    return condition;
  }

  #oneWithin(isAdjacent: boolean): Condition {
    if (this.#takeSymbol('!') || this.#takeWord('NOT')) {
      return { kind: 'not', condition: this.#one(isAdjacent) };
    }
    if (this.#takeSymbol('(')) {
      const condition = this.#either();
      if (!this.#takeSymbol(')')) this.#unexpected('закрывающая скобка', 'a closing parenthesis');
      return condition;
    }
    const { at } = this.#token;
    const refuse = (text: Text) => this.#refuseAt(at, text);
    const name = this.#words();
    if (this.#takeSymbol(':')) {
      const field = fieldNamed(name.join(' '), refuse);
      return conditionOn(field, name.join(' '), this.#values(isTimeField(field)), this.#now);
    }
    if (isAdjacent || startsWithField(name)) this.#expectColon();
    const value = { is: 'text', text: name.join(' ') } as const;
    return conditionOn(TEXT_FIELD, '', [{ negated: false, comparison: '=', value, refuse }], this.#now);
  }

  /** Takes the name of a field or a text without one. */
  #words(): string[] {
    if (this.#token.kind === 'string') return [this.#take().text];
    const words: string[] = [];
    while (this.#token.kind === 'word' && !(words.length > 0 && (this.#isOperator() || this.#isSortBy()))) {
      words.push(this.#take().text);
    }
    const isOperator = words.length === 1 && isOperatorWord(words[0] ?? '') && this.#symbolAt(0) !== ':';
    if (words.length === 0 || isOperator) this.#unexpected('имя поля', 'the name of a field');
    return words;
  }

  #expectColon(): never {
    return this.#unexpected('двоеточие после имени поля', 'a colon after the name of a field');
  }

  #values(areTimes: boolean): Operand[] {
    const values = [this.#value(areTimes)];
    while (this.#takeSymbol(',')) values.push(this.#value(areTimes));
    return values;
  }

  #value(isTime: boolean): Operand {
    this.#conditions += 1;
    if (this.#conditions > CONDITIONS_MAX) this.#refuseAt(this.#token.at, texts.searchTooLarge);
    let negated = false;
    while (this.#takeSymbol('!')) negated = !negated;
    const whole = (['#', '~'] as const).find((symbol) => this.#takeSymbol(symbol));
    const comparison = (['>=', '<=', '>', '<'] as const).find((symbol) => this.#takeSymbol(symbol)) ?? '=';
    const { at } = this.#token;
    const refuse = (text: Text) => this.#refuseAt(at, text);
    if (whole !== undefined) {
      const value = { is: 'whole', text: this.#take().text } as const;
      return { negated: negated !== (whole === '~'), comparison, value, refuse };
    }
    const from = this.#time(isTime);
    if (this.#takeSymbol('..')) {
      return { negated, comparison, value: { is: 'range', from, to: this.#time(isTime) }, refuse };
    }
    return { negated, comparison, value: isTime ? { is: 'time', time: from } : from.base, refuse };
  }

  /** Takes a text or a function, and for a time the durations that are added or subtracted. */
  #time(isTime: boolean): Time {
    const text = this.#text(isTime);
    const isFunction = this.#takeSymbol('(');
    if (isFunction && !this.#takeSymbol(')')) this.#unexpected('закрывающая скобка', 'a closing parenthesis');
    const base = isFunction ? ({ is: 'function', name: text.toLowerCase() } as const) : ({ is: 'text', text } as const);
    return { base, shiftMs: isTime ? this.#shiftMs() : 0 };
  }

  #shiftMs(): number {
    let shiftMs = 0;
    while (this.#startsShift()) {
      const { text, at } = this.#take();
      const rest = text.slice(1);
      const parts = rest === '' ? [this.#text(true)] : [rest];
      while (this.#token.kind === 'word' && durationMs(this.#token.text) !== undefined) parts.push(this.#take().text);
      const ms = durationMs(parts.join(' ')) ?? this.#refuseAt(at, texts.searchDuration(parts.join(' ')));
      shiftMs += text.startsWith('-') ? -ms : ms;
    }
    return shiftMs;
  }

  #startsShift(): boolean {
    return this.#token.kind === 'word' && /^[+-]/.test(this.#token.text);
  }

  /** Takes a quoted string, or words up to the next operator, field, order or, in a time, `+` or `-`. */
  #text(isTime: boolean): string {
    if (this.#token.kind === 'string') return this.#take().text;
    const words: string[] = [];
    const ends = () => this.#endsWords() || (isTime && this.#startsShift());
    while (this.#token.kind === 'word' && !(words.length > 0 && ends())) words.push(this.#take().text);
    if (words.length === 0) this.#unexpected('значение', 'a value');
    return words.join(' ');
  }

  /** Whether the current word starts an operator, the next field or the order. */
  #endsWords(): boolean {
    return this.#isOperator() || this.#symbolAt(1) === ':' || this.#isSortBy();
  }

  #sortBy(): Order[] {
    while (!this.#takeSymbol(':')) this.#take();
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
      order.push(orderNamed(name, direction === 'DESC', (text) => this.#refuseAt(at, text)));
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
    return this.#token.kind === 'word' && isOperatorWord(this.#token.text, only);
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
    return this.#refuseAt(at, words);
  }

  #tokensOf(text: string): Token[] {
    const tokens: Token[] = [];
    const end = text.trimEnd().length;
    for (let place = 0; place < end; ) {
      TOKEN.lastIndex = place;
      const found = TOKEN.exec(text);
      // Only an unclosed quotation mark matches no token.
      if (found === null) {
        return this.#refuseAt(place + (/\S/.exec(text.slice(place))?.index ?? 0), texts.searchUnclosed);
      }
      const [whole, quoted, symbol, word] = found;
      place += whole.length;
      const at = place - (quoted ?? symbol ?? word ?? '').length;
      if (quoted !== undefined)
        tokens.push({ kind: 'string', text: quoted.slice(1, -1).replaceAll(/\\(.)/gsu, '$1'), at });
      else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol === '...' ? '..' : symbol, at });
      else tokens.push({ kind: 'word', text: word ?? '', at });
    }
    return [...tokens, { kind: 'end', text: '', at: end }];
  }

  #refuseAt(at: number, { ru, en }: Text): never {
    throw new DomainError('invalid', undefined, { [this.#part]: texts.searchAt(String(at + 1), ru, en) });
  }
}

function isOperatorWord(word: string, only: readonly string[] = []): boolean {
  const operators = only.length > 0 ? only : ['AND', 'OR', 'NOT'];
  return operators.includes(word.toUpperCase());
}

/** Whether the words are a field's name and more: then only a colon is missing. */
function startsWithField(words: readonly string[]): boolean {
  return words.some((_, index) => findField(words.slice(0, index + 1).join(' ')) !== undefined);
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(\.\.\.?|&&|\|\||>=|<=|[():,!<>]|[#~](?="))|((?:(?!\.\.|&&|\|\|)[^\s"():,!<>])+))/suy;
