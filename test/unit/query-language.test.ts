import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DomainError } from '../../src/errors.ts';
import { parseQuery } from '../../src/tracker/issue-search/query-language.ts';
import type { Comparison, Condition, ValueField } from '../../src/tracker/issue-search/search-condition.ts';

const oneOf = (name: ValueField, ...values: string[]): Condition => ({
  kind: 'oneOf',
  field: { is: 'value', name },
  values,
});
const link = (
  linkTypeId: string | undefined,
  direction: 'inward' | 'outward' | undefined,
  ...values: string[]
): Condition => ({ kind: 'oneOf', field: { is: 'link', linkTypeId, direction }, values });
const linkedQueue = (
  linkTypeId: string | undefined,
  direction: 'inward' | 'outward' | undefined,
  ...values: string[]
): Condition => ({ kind: 'oneOf', field: { is: 'linkedQueue', linkTypeId, direction }, values });
const summary = { is: 'value', name: 'summary' } as const;
const not = (condition: Condition): Condition => ({ kind: 'not', condition });
const all = (...conditions: Condition[]): Condition => ({ kind: 'all', conditions });
const any = (...conditions: Condition[]): Condition => ({ kind: 'any', conditions });
const assignee = { is: 'value', name: 'assignee' } as const;
const followers = { is: 'value', name: 'followers' } as const;
const storyPoints = { is: 'value', name: 'storyPoints' } as const;
const points = (comparison: Comparison, number: string): Condition => ({
  kind: 'compared',
  field: storyPoints,
  comparison,
  number,
});

const QUERIES: [query: string, condition: Condition][] = [
  ['Queue: TEST', oneOf('queue', 'TEST')],
  ['"Queue": "TEST"', oneOf('queue', 'TEST')],
  ['queue:TEST', oneOf('queue', 'TEST')],
  ['  Очередь :  TEST  ', oneOf('queue', 'TEST')],
  ['Key: TEST-1, "TEST-2",TEST-3', oneOf('key', 'TEST-1', 'TEST-2', 'TEST-3')],
  ['Status: "В работе", Открыт', oneOf('status', 'В работе', 'Открыт')],
  ['Status: В работе', oneOf('status', 'В работе')],
  ['Status: In  progress AND Type: bug', all(oneOf('status', 'In progress'), oneOf('type', 'bug'))],
  ['Status: In progress Type: bug', all(oneOf('status', 'In progress'), oneOf('type', 'bug'))],
  ['Status: open && Type: bug', all(oneOf('status', 'open'), oneOf('type', 'bug'))],
  ['Status: open||Type: bug', any(oneOf('status', 'open'), oneOf('type', 'bug'))],
  ['Queue: A OR Queue: B AND Type: bug', any(oneOf('queue', 'A'), all(oneOf('queue', 'B'), oneOf('type', 'bug')))],
  ['(Queue: A or Queue: B) and Type: bug', all(any(oneOf('queue', 'A'), oneOf('queue', 'B')), oneOf('type', 'bug'))],
  ['Status: !closed', not(oneOf('status', 'closed'))],
  ['Status: !closed, !resolved', not(oneOf('status', 'closed', 'resolved'))],
  ['Status: open, !closed', all(oneOf('status', 'open'), not(oneOf('status', 'closed')))],
  ['Status: !!open', oneOf('status', 'open')],
  ['!Status: open', not(oneOf('status', 'open'))],
  ['NOT (Queue: A)', not(oneOf('queue', 'A'))],
  ['Queue: A !(Type: bug)', all(oneOf('queue', 'A'), not(oneOf('type', 'bug')))],
  ['Assignee: me()', { kind: 'me', field: assignee }],
  ['Assignee: empty()', { kind: 'empty', field: assignee }],
  ['Assignee: Empty( )', { kind: 'empty', field: assignee }],
  ['Assignee: notEmpty()', not({ kind: 'empty', field: assignee })],
  ['Assignee: ivanov, me()', any(oneOf('assignee', 'ivanov'), { kind: 'me', field: assignee })],
  ['Author: "Иван Иванов"', oneOf('author', 'Иван Иванов')],
  ['"Created by": ivanov', oneOf('createdBy', 'ivanov')],
  ['createdBy: ivanov', oneOf('createdBy', 'ivanov')],
  ['Reporter: ivanov', oneOf('author', 'ivanov')],
  ['Followers: ivanov, me()', any(oneOf('followers', 'ivanov'), { kind: 'me', field: followers })],
  ['Наблюдатели: empty()', { kind: 'empty', field: followers }],
  ['Resolution: fixed, "Won\'t fix"', oneOf('resolution', 'fixed', "Won't fix")],
  ['Resolution: empty()', { kind: 'empty', field: { is: 'value', name: 'resolution' } }],
  ['Comment: "looks good"', oneOf('comment', 'looks good')],
  ['Comment: #"Looks good"', { kind: 'equals', field: { is: 'value', name: 'comment' }, text: 'Looks good' }],
  ['Comment: notEmpty()', not({ kind: 'empty', field: { is: 'value', name: 'comment' } })],
  ['Deadline: empty()', { kind: 'empty', field: { is: 'value', name: 'deadline' } }],
  ['Deadline: !empty()', not({ kind: 'empty', field: { is: 'value', name: 'deadline' } })],
  ['"Story Points": 3', points('=', '3')],
  ['Story Points: >= 0.5', points('>=', '0.5')],
  ['storyPoints: <-1', points('<', '-1')],
  ['Story Points: !3', not(points('=', '3'))],
  ['Story Points: 1, >5', any(points('=', '1'), points('>', '5'))],
  ['Story Points: 1 .. 2.5', all(points('>=', '1'), points('<=', '2.5'))],
  ['Story Points: 1..3 Queue: A', all(all(points('>=', '1'), points('<=', '3')), oneOf('queue', 'A'))],
  ['Story Points: notEmpty()', not({ kind: 'empty', field: storyPoints })],
  ['Summary: "say \\"hello\\" \\\\ AND: (x)"', oneOf('summary', 'say "hello" \\ AND: (x)')],
  ['Tags: api, "two words"', oneOf('tags', 'api', 'two words')],
  ['Relates: TEST-1', link('relates', undefined, 'TEST-1')],
  ['"Linked to": TEST-1', link(undefined, undefined, 'TEST-1')],
  ['Linked to: TEST-1', link(undefined, undefined, 'TEST-1')],
  ['"Depends on": TEST-1', link('depends', 'outward', 'TEST-1')],
  ['"Is Dependent By": TEST-1', link('depends', 'inward', 'TEST-1')],
  ['is-dependent-by: TEST-1', link('depends', 'inward', 'TEST-1')],
  ['Parent: TEST-1', link('subtask', 'inward', 'TEST-1')],
  ['Epic: TEST-1', link('epic', 'outward', 'TEST-1')],
  ['"Have Links To Queue": TEST', linkedQueue(undefined, undefined, 'TEST')],
  ['Have links to queue: TEST, Другая', linkedQueue(undefined, undefined, 'TEST', 'Другая')],
  ['"Related To Queue": TEST', linkedQueue('relates', undefined, 'TEST')],
  ['"Depend On Queue": TEST', linkedQueue('depends', 'outward', 'TEST')],
  ['"Block Queue": TEST', linkedQueue('depends', 'inward', 'TEST')],
  ['"Subtasks For Queue": TEST', linkedQueue('subtask', 'inward', 'TEST')],
  ['"Parent Tasks For Queue": TEST', linkedQueue('subtask', 'outward', 'TEST')],
  ['"Duplicates In Queue": TEST', linkedQueue('duplicates', 'inward', 'TEST')],
  ['"Duplicated In Queue": TEST', linkedQueue('duplicates', 'outward', 'TEST')],
  ['"In Epics Of Queue": TEST', linkedQueue('epic', 'outward', 'TEST')],
  ['"Epics For Queue": TEST', linkedQueue('epic', 'inward', 'TEST')],
  ['"Clones Of Queue": TEST', linkedQueue('cloners', 'outward', 'TEST')],
  ['"Originals Of Queue": TEST', linkedQueue('cloners', 'inward', 'TEST')],
  ['"Old Queue": TEST', oneOf('oldQueue', 'TEST')],
  ['"Queue Owner": me()', { kind: 'me', field: { is: 'value', name: 'queueOwner' } }],
  ['broken login', oneOf('text', 'broken login')],
  ['"broken: login"', oneOf('text', 'broken: login')],
  ['!"broken login"', not(oneOf('text', 'broken login'))],
  ['broken login AND Queue: TEST', all(oneOf('text', 'broken login'), oneOf('queue', 'TEST'))],
  ['"broken login" Queue: TEST', all(oneOf('text', 'broken login'), oneOf('queue', 'TEST'))],
  ['Queue: TEST AND broken login', all(oneOf('queue', 'TEST'), oneOf('text', 'broken login'))],
  ['(broken OR "login")', any(oneOf('text', 'broken'), oneOf('text', 'login'))],
  ['Summary: #"Version 2.0"', { kind: 'equals', field: summary, text: 'Version 2.0' }],
  ['Summary: ~"Version 2.0"', not({ kind: 'equals', field: summary, text: 'Version 2.0' })],
  ['Summary: !"Version - 2.0"', not(oneOf('summary', 'Version - 2.0'))],
  ['Summary: Version - 2.0', oneOf('summary', 'Version - 2.0')],
  ['Summary: #"Make || now"', { kind: 'like', field: summary, parts: ['Make ', ' now'] }],
  ['Epic: empty()', { kind: 'empty', field: { is: 'link', linkTypeId: 'epic', direction: 'outward' } }],
];

test.each(QUERIES)('parseQuery parses %s', (query, condition) => {
  expect(parseQuery(query)).toEqual({ condition, order: [] });
});

const date = (text: string) => new Date(text);
const DATES: [query: string, from: Date | undefined, until: Date | undefined][] = [
  ['Created: 2017-06-11', date('2017-06-11T00:00Z'), date('2017-06-12T00:00Z')],
  ['Created: "2017-06-11"', date('2017-06-11T00:00Z'), date('2017-06-12T00:00Z')],
  ['Created: >2017-06-11', date('2017-06-12T00:00Z'), undefined],
  ['Created: >= 2017-06-11', date('2017-06-11T00:00Z'), undefined],
  ['Created: <2017-06-11', undefined, date('2017-06-11T00:00Z')],
  ['Created: <=2017-06-11', undefined, date('2017-06-12T00:00Z')],
  ['Created: 2017-06-01..2017-06-30', date('2017-06-01T00:00Z'), date('2017-07-01T00:00Z')],
  ['Created: "2017-06-01" .. "2017-06-30"', date('2017-06-01T00:00Z'), date('2017-07-01T00:00Z')],
  ['Created: >"2017-06-11T05:16:01+03:00"', date('2017-06-11T02:16:01.001Z'), undefined],
  ['Created: <"2017-06-11 05:16"', undefined, date('2017-06-11T05:16Z')],
  ['Created: 11.06.2017', date('2017-06-11T00:00Z'), date('2017-06-12T00:00Z')],
  ['Created: 11-06-2017', date('2017-06-11T00:00Z'), date('2017-06-12T00:00Z')],
  ['Created: 06/11/2017', date('2017-06-11T00:00Z'), date('2017-06-12T00:00Z')],
  ['Created: 01-01-2017 .. 02-03-2017', date('2017-01-01T00:00Z'), date('2017-03-03T00:00Z')],
  ['Created: 01.01.2017..2017-03-02', date('2017-01-01T00:00Z'), date('2017-03-03T00:00Z')],
  ['Created: 01.01.2017 ... 02.03.2017', date('2017-01-01T00:00Z'), date('2017-03-03T00:00Z')],
  ['Created: 2017-06-11 - 1w', date('2017-06-04T00:00Z'), date('2017-06-05T00:00Z')],
  ['Created: now()', date('2026-11-26T10:55Z'), date('2026-11-26T10:56Z')],
  ['Created: >now()-12h', date('2026-11-25T22:56Z'), undefined],
  ['Created: > now() - 12h', date('2026-11-25T22:56Z'), undefined],
  ['Created: <now()-"3d 5h 32m"', undefined, date('2026-11-23T05:23Z')],
  ['Created: <now()-3d 5h 32m', undefined, date('2026-11-23T05:23Z')],
  ['Created: >= now() + 1d -1h', date('2026-11-27T09:55Z'), undefined],
  ['Created: <now()-30s', undefined, date('2026-11-26T10:54:30Z')],
  ['Created: today()', date('2026-11-26T00:00Z'), date('2026-11-27T00:00Z')],
  ['Created: <= today() +3d', undefined, date('2026-11-30T00:00Z')],
  ['Created: > today() - "1w 1d"', date('2026-11-19T00:00Z'), undefined],
  ['Created: week()', date('2026-11-23T00:00Z'), date('2026-11-30T00:00Z')],
  ['Created: week() - 1w', date('2026-11-16T00:00Z'), date('2026-11-23T00:00Z')],
  ['Created: month()', date('2026-11-01T00:00Z'), date('2026-12-01T00:00Z')],
  ['Created: quarter()', date('2026-10-01T00:00Z'), date('2027-01-01T00:00Z')],
  ['Created: year()', date('2026-01-01T00:00Z'), date('2027-01-01T00:00Z')],
  ['Created: 2026-11-01 .. now()', date('2026-11-01T00:00Z'), date('2026-11-26T10:56Z')],
  ['Created: month()-4w .. today()', date('2026-10-04T00:00Z'), date('2026-11-27T00:00Z')],
];

test.each(DATES)('parseQuery parses %s as a date range', (query, from, until) => {
  const field = { is: 'value', name: 'created' };
  // A Thursday.
  const now = date('2026-11-26T10:55:42Z');
  expect(parseQuery(query, now).condition).toEqual({ kind: 'within', field, from, until });
});

const ORDERS: [query: string, order: object[]][] = [
  ['"Sort by": Updated DESC', [{ by: 'updated', descending: true }]],
  ['Sort by: Updated', [{ by: 'updated', descending: false }]],
  [
    '"Sort By": Priority desc, Key ASC',
    [
      { by: 'priority', descending: true },
      { by: 'key', descending: false },
    ],
  ],
  ['"sort by": "Created at" DESC', [{ by: 'created', descending: true }]],
  [
    'Sort by: Deadline, Story Points DESC, Resolution, Resolved',
    [
      { by: 'deadline', descending: false },
      { by: 'storyPoints', descending: true },
      { by: 'resolution', descending: false },
      { by: 'resolved', descending: false },
    ],
  ],
];

test.each(ORDERS)('parseQuery parses the order %s, alone and after a condition', (query, order) => {
  expect(parseQuery(query)).toEqual({ condition: undefined, order });
  expect(parseQuery(`Queue: TEST ${query}`)).toEqual({ condition: oneOf('queue', 'TEST'), order });
});

test('parseQuery returns no condition for an empty query', () => {
  expect(parseQuery('')).toEqual({ condition: undefined, order: [] });
  expect(parseQuery('  ')).toEqual({ condition: undefined, order: [] });
});

const INVALID: [query: string, position: number, message: string][] = [
  ['Sprint: 5', 1, '"Sprint" is unknown'],
  ['Queue: A AND Sprint: 5', 14, '"Sprint" is unknown'],
  ['Queue', 6, 'colon'],
  ['Queue A', 8, 'colon'],
  ['Queue:', 7, 'a value'],
  ['Queue: A,', 10, 'a value'],
  ['Queue: A AND', 13, 'the name of a field'],
  ['Queue: A OR OR Queue: B', 13, '"OR Queue" is unknown'],
  ['(Queue: A', 10, 'closing parenthesis'],
  ['Queue: A)', 9, '")"'],
  ['Queue: "A', 8, 'quotation mark'],
  ['Queue: >A', 9, 'dates can'],
  ['Queue: A..B', 8, 'dates can'],
  ['Queue: me()', 8, 'me()'],
  ['Status: empty()', 9, 'empty()'],
  ['Assignee: group()', 11, 'group()'],
  ['Assignee: me(1)', 14, 'closing parenthesis'],
  ['Created: yesterday', 10, '"yesterday" is not a date'],
  ['Created: 2017-02-31', 10, '"2017-02-31" is not a date'],
  ['Created: 2017-06-11..', 22, 'a value'],
  ['Updated: fortnight()', 10, 'fortnight()'],
  ['Updated: me()', 10, 'me()'],
  ['Updated: empty()', 10, 'empty()'],
  ['Deadline: me()', 11, 'me()'],
  ['Deadline: empty()+1d', 11, 'empty()'],
  ['Deadline: >empty()', 12, 'dates can'],
  ['Deadline: soon', 11, '"soon" is not a date'],
  ['Story Points: many', 15, '"many" is not a number'],
  ['Story Points: 1..many', 15, '"many" is not a number'],
  ['Story Points: >1..2', 16, 'invalid value'],
  ['Story Points: 1..me()', 15, 'invalid value'],
  ['Story Points: me()', 15, 'me()'],
  ['Story Points: #"3"', 16, 'no operators'],
  ['Story Points: today()', 15, 'today()'],
  ['Followers: >ivanov', 13, 'dates can'],
  ['Resolution: me()', 13, 'me()'],
  ['"Sort by": Followers', 12, '"Followers"'],
  ['Created: 31.02.2017', 10, '"31.02.2017" is not a date'],
  ['Created: 13/13/2017', 10, '"13/13/2017" is not a date'],
  ['Created: 11.06-2017', 10, '"11.06-2017" is not a date'],
  ['Created: today() - 1y', 18, '"1y" is not a duration'],
  ['Created: today() - "one day"', 18, '"one day" is not a duration'],
  ['Created: today() -', 19, 'a value'],
  ['Created: today()-999999999w', 10, '"today()" is not a date'],
  ['Created: today() 1w', 20, 'colon'],
  ['Queue: "A" - 1w', 16, 'colon'],
  ['"Have Links To Queue": empty()', 24, 'empty()'],
  ['"Linked To Queues": A', 1, '"Linked To Queues" is unknown'],
  ['Queue: "A" "B"', 15, 'colon'],
  ['Issue Queue A', 14, 'colon'],
  ['OR', 3, 'the name of a field'],
  ['login AND', 10, 'the name of a field'],
  ['#"login"', 1, 'the name of a field'],
  ['Type: #"bug"', 8, 'no operators'],
  ['Type: ~"bug"', 8, 'no operators'],
  [`Summary: ${'x '.repeat(51)}`, 10, 'too complex'],
  ['"Status type": finished', 16, '"finished"'],
  ['Queue: A "Sort by": Votes', 21, '"Votes"'],
  ['Queue: A "Sort by": Key Queue: B', 21, '"Key Queue"'],
  ['"Sort by": Key AND Queue: B', 12, '"Key AND Queue"'],
  ['"Sort by":', 11, 'the name of a field'],
  [`${'('.repeat(40)}Queue: A${')'.repeat(40)}`, 31, 'too complex'],
  [Array(300).fill('Queue: A').join(' OR '), 1201, 'too complex'],
];

test.each(INVALID)('parseQuery rejects %s and names the position', (query, position, message) => {
  expect(() => parseQuery(query)).toThrow(DomainError);
  expect(() => parseQuery(query)).toThrow(`query: Position ${position}: `);
  expect(() => parseQuery(query)).toThrow(message);
});

test('parseQuery parses any string or throws a DomainError', () => {
  const piece = fc.constantFrom(
    'Queue',
    'Assignee',
    'Created',
    'Created: ',
    'Deadline: ',
    'Story Points: ',
    'Comment: ',
    'empty()',
    '2.5',
    'Summary: ',
    '"Block Queue": ',
    'Sort by: ',
    ':',
    '"',
    '(',
    ')',
    '!',
    ',',
    '..',
    ' AND ',
    ' OR ',
    '>',
    'me()',
    'today()',
    'week()',
    '-',
    '+',
    '1w 2d',
    '9999999w',
    '30.04.2017',
    '#"',
    '~"',
    '||',
    'x',
  );
  const query = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
  );
  fc.assert(
    fc.property(query, (text) => {
      try {
        expect(parseQuery(text)).toHaveProperty('order');
      } catch (error) {
        expect(error).toBeInstanceOf(DomainError);
      }
    }),
  );
});
