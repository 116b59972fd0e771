// Requests from the contracts: valid, nearly valid and hostile.
import fc from 'fast-check';
import { flat, loadOperations } from './contracts.js';

const DEPTH_MAX = 200;
const nested = (depth) => (depth === 0 ? [] : [nested(depth - 1)]);

const hostileText = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      ' ',
      '\u0000',
      '\ud800',
      '\u202e',
      '٣',
      '%',
      '%00',
      '..',
      '../../etc/passwd',
      "'; drop table links; --",
      '{{7*7}}',
    ],
    ...[
      '__proto__',
      'constructor',
      'toString',
      'NaN',
      'Infinity',
      '-1',
      '1e999',
      '0x10',
      '9'.repeat(400),
      'null',
      'undefined',
    ],
    ...[
      '2017-13-45T99:99:99Z',
      '0001-01-01',
      '+275760-09-13T00:00:00Z',
      'Queue: "',
      'Key: A AND (',
      '((((',
      '!'.repeat(5000),
    ],
    ...['a'.repeat(70_000), '😀'.repeat(300), '<script>alert(1)</script>', 'javascript:alert(1)', 'x\r\nX-Injected: 1'],
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
);
const hostile = fc.oneof(
  hostileText,
  fc.constantFrom(
    ...[
      null,
      true,
      false,
      0,
      -0,
      -1,
      1.5,
      2 ** 31,
      2 ** 53,
      -(2 ** 63),
      1e300,
      5e-324,
      [],
      {},
      [[]],
      [null],
      nested(DEPTH_MAX),
    ],
    JSON.parse('{"__proto__":{"polluted":true}}'),
    { constructor: { prototype: 1 }, toString: 'x', length: -1 },
    Array.from({ length: 1001 }, () => 1),
  ),
  fc.jsonValue({ maxDepth: 4 }),
);

/** Valid values of a schema; `names` has values for the names of parameters and properties. */
function valid(unresolved, property, resolve, names, depth = 0) {
  const schema = flat(unresolved, resolve);
  const known = names[schema.schemaName] ?? names[property];
  const free = validByType(schema, property, resolve, names, depth);
  if (known === undefined || schema.type === 'object' || schema.type === 'array') return free;
  return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: free });
}

function validByType(schema, property, resolve, names, depth) {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const inner = (part, name) => valid(part, name, resolve, names, depth + 1);
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return fc.oneof(...variants.map((variant) => inner(variant, property)));
  const types = [schema.type ?? ['string', 'integer', 'boolean', 'null']].flat();
  return fc.oneof(...types.map((type) => ofType(type, schema, property, inner)));
}

function ofType(type, schema, property, inner) {
  switch (type) {
    case 'object': {
      const properties = Object.entries(schema.properties ?? { Queue: {}, Status: {}, tags: {}, Assignee: {} });
      const values = Object.fromEntries(properties.map(([name, part]) => [name, inner(part, name)]));
      return fc.record(values, { requiredKeys: schema.required ?? [] });
    }
    case 'array':
      return fc.array(inner(schema.items ?? {}, property), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, 3),
      });
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -5, max: Math.min(schema.maximum ?? 2 ** 31, 2 ** 31) });
    case 'number':
      return fc.double({ min: 0, max: 1e6, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      if (schema.format === 'date') return date;
      if (schema.pattern) return fc.stringMatching(new RegExp(schema.pattern));
      return fc.string({
        minLength: schema.minLength ?? 0,
        maxLength: Math.min(schema.maxLength ?? 60, 60),
        unit: 'grapheme',
      });
  }
}

/** As `YYYY-MM-DD`. The pattern of a date bounds it, with a lookahead that fast-check does not know. */
const date = fc
  .date({ min: new Date('1970-01-02'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((moment) => moment.toISOString().slice(0, 10));

/** One change somewhere in a valid value: replaced, removed, repeated or added. */
const nearly = (arbitrary) =>
  fc.tuple(arbitrary, fc.nat(), fc.nat(3), hostile).map(([value, place, change, other]) => {
    const copy = structuredClone({ root: value });
    const places = [];
    const visit = (node) => {
      for (const key of Object.keys(node)) {
        places.push([node, key]);
        if (typeof node[key] === 'object' && node[key] !== null) visit(node[key]);
      }
    };
    visit(copy);
    const [node, key] = places[place % places.length];
    if (change === 0 && node !== copy && !Array.isArray(node)) delete node[key];
    else if (change === 1 && typeof node[key] === 'object' && node[key] !== null)
      Object.assign(node[key], { unknown: other });
    else if (change === 2) node[key] = [node[key], node[key]];
    else node[key] = other;
    return copy.root;
  });

const mixed = (arbitrary) =>
  fc.oneof({ weight: 6, arbitrary }, { weight: 4, arbitrary: nearly(arbitrary) }, { weight: 1, arbitrary: hostile });

const rawBody = fc.constantFrom(
  ...[
    '',
    ' ',
    '{',
    'null',
    '"x"',
    '[]',
    '{"a":1e999}',
    '123456789012345678901234567890',
    '\ufeff{}',
    '{"a":1,"a":2}',
    '[,]',
  ],
  ...[
    '['.repeat(20_000),
    '{"a":'.repeat(20_000),
    `{"summary":"${'x'.repeat(1_100_000)}"}`,
    '[{}, [], null, 5]',
    "{'a':1}",
  ],
  Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
  Buffer.from('{"summary":"\xff\xfe","queue":"\xc0"}', 'latin1'),
);

const header = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  fc.constantFrom('', '*', '""', 'W/"x"', '-1', 'x'.repeat(3000)),
);

/** Requests of every operation: `{method, path, headers, body}`; `credentials` are headers by API. */
export function requests({ names, credentials, rpcPaths }) {
  const operations = loadOperations();
  const rest = operations
    .filter(({ api }) => api === 'rest')
    .map((operation) => restRequest(operation, names, credentials.rest));
  const calls = operations.filter(({ api }) => api === 'rpc').map((operation) => rpcCall(operation, names));
  const call = fc.oneof(...calls);
  const body = fc.oneof(
    { weight: 10, arbitrary: call.map((one) => JSON.stringify(one)) },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.oneof({ weight: 5, arbitrary: call }, { weight: 1, arbitrary: hostile }), { maxLength: 5 })
        .map((batch) => JSON.stringify(batch)),
    },
    { weight: 1, arbitrary: rawBody },
  );
  const rpc = fc.record({
    method: fc.oneof(
      { weight: 20, arbitrary: fc.constant('POST') },
      { weight: 1, arbitrary: fc.constantFrom('GET', 'PUT', 'OPTIONS') },
    ),
    path: fc.oneof(
      { weight: 9, arbitrary: fc.constant(rpcPaths[0]) },
      { weight: 1, arbitrary: fc.constantFrom(...rpcPaths) },
    ),
    headers: fc.oneof(...weighted(credentials.rpc)),
    body,
  });
  return fc.oneof({ weight: rest.length, arbitrary: fc.oneof(...rest) }, { weight: calls.length, arbitrary: rpc });
}

/** The first credentials, of an administrator, most of the time. */
const weighted = ([first, ...others]) => [
  { weight: 3 * others.length, arbitrary: fc.constant(first) },
  ...others.map((other) => ({ weight: 1, arbitrary: fc.constant(other) })),
];

function rpcCall({ id, params, resolve }, names) {
  const required = params.filter((parameter) => parameter.required).map(({ name }) => name);
  const values = Object.fromEntries(
    params.map(({ name, schema }) => [name, mixed(valid(schema, name, resolve, names))]),
  );
  const named = fc.record(values, { requiredKeys: required });
  const positional = fc
    .tuple(fc.tuple(...params.map(({ name }) => values[name])), fc.nat(params.length))
    .map(([all, count]) => all.slice(0, Math.max(required.length, count)));
  const envelope = (method, given, callId) => ({ jsonrpc: '2.0', method, params: given, id: callId });
  return fc.oneof(
    { weight: 10, arbitrary: named.map((given) => envelope(id, given, 1)) },
    { weight: 4, arbitrary: positional.map((given) => envelope(id, given, 1)) },
    { weight: 1, arbitrary: nearly(named.map((given) => envelope(id, given, 1))) },
    { weight: 1, arbitrary: hostile.map((given) => envelope(id, given, null)) },
    { weight: 1, arbitrary: fc.tuple(hostileText, hostile).map(([method, callId]) => envelope(method, [], callId)) },
  );
}

function restRequest({ method, path, parameters, body, resolve }, names, credentials) {
  const here = (location) => parameters.filter((parameter) => parameter.in === location);
  const one = ({ name, schema }) => mixed(valid(schema, name, resolve, names));
  const segments = fc.tuple(...here('path').map(one), fc.constant(0));
  const query = fc.record(Object.fromEntries(here('query').map((parameter) => [parameter.name, one(parameter)])), {
    requiredKeys: here('query')
      .filter(({ required }) => required)
      .map(({ name }) => name),
  });
  const declared = here('header').filter(({ name }) => !name.startsWith('X-'));
  const headers = fc.record(
    Object.fromEntries([...declared.map(({ name }) => [name, header]), ['Content-Type', header], ['X-Org-ID', header]]),
    { requiredKeys: [] },
  );
  const content =
    body === undefined
      ? fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: rawBody })
      : fc.oneof(
          {
            weight: 12,
            arbitrary: mixed(valid(body, undefined, resolve, names)).map((value) => JSON.stringify(value)),
          },
          { weight: 1, arbitrary: rawBody },
        );
  const rare = (arbitrary, usual) => fc.oneof({ weight: 15, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary });
  return fc
    .record({
      verb: rare(fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'), method),
      version: rare(fc.constantFrom('/v3', '/v4', ''), '/v2'),
      end: rare(fc.constantFrom('/', '//', '/%zz', '/..', '?', '?page=1&page=2', '?%00=%ff', '/_x'), ''),
      segments,
      query,
      headers: rare(headers, {}),
      credential: fc.oneof(...weighted(credentials)),
      content,
    })
    .map(({ verb, version, end, segments: values, query: given, headers: more, credential, content: sent }) => {
      let place = 0;
      const filled = path.replaceAll(/\{\w+\}/g, () => encode(values[place++]));
      const pairs = Object.entries(given).flatMap(([name, value]) =>
        [value].flat().map((part) => `${name}=${encode(part)}`),
      );
      const search = pairs.length > 0 && !end.includes('?') ? `?${pairs.join('&')}` : '';
      return {
        method: verb,
        path: `${version}${filled}${end}${search}`,
        headers: { ...credential, ...more },
        body: sent,
      };
    });
}

/** Percent-encodes any value, also strings with lone surrogates; bounded, since Node limits the head of a request. */
function encode(value) {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return encodeURIComponent(text.slice(0, 1500).toWellFormed?.() ?? Buffer.from(text.slice(0, 1500)).toString());
}
