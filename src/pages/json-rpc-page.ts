import type { Access, Method, RpcContract } from '../contract/openrpc.ts';
import { type Markup, markup } from '../markup.ts';

type Document = RpcContract['document'];
type Schema = Readonly<Record<string, unknown>>;

const ACCESS: Readonly<Record<Access, string>> = {
  anyone: 'every account',
  user: 'every account but the application account',
  manager: 'managers and administrators',
  admin: 'administrators',
  project: 'depends on the role in the project; the application account',
};

/** The procedures of the Kanboard API as openrpc.yaml documents them, each with an anchor. In English, as that file is. */
export function jsonRpcPage({ methods, components }: Document, root: string): Markup {
  const tags = [...new Set(methods.flatMap((method) => method.tags.map(({ name }) => name)))];
  const tagged = tags.map(
    (tag) => [tag, methods.filter((method) => method.tags.some(({ name }) => name === tag))] as const,
  );
  return markup`<h1>JSON-RPC procedures</h1>
<p>The Kanboard API at <code>/jsonrpc.php</code>: a call, or a batch of them, is the body of a POST. Parameters are passed by name,
or by position in the order in which they are listed. Accounts sign in with HTTP Basic authentication.</p>
<pre class="example">curl -u jsonrpc:TOKEN URL/jsonrpc.php -d '{"jsonrpc":"2.0","method":"getVersion","id":1}'</pre>
<p><a href="${root}docs">Try a call</a>, or read the whole contract: <a href="${root}openrpc.yaml">openrpc.yaml</a>,
<a href="${root}openrpc.json">openrpc.json</a>.</p>
<nav aria-label="Procedures"><dl class="index">${tagged.map(
    ([tag, some]) =>
      markup`<div><dt>${tag}</dt><dd>${some.map(({ name }) => markup`<a href="#${name}">${name}</a> `)}</dd></div>`,
  )}</dl></nav>
${tagged.map(([tag, some]) => markup`<section><h2>${tag}</h2>${some.map(procedure)}</section>`)}
<section><h2>types</h2>${Object.entries(components.schemas).map(
    ([name, schema]) =>
      markup`<details id="type-${name}"><summary>${name}</summary><pre class="example">${json(schema)}</pre></details>`,
  )}</section>`;
}

function procedure(method: Method): Markup {
  const { name, description, params, result, examples } = method;
  return markup`<h3 id="${name}"><a href="#${name}">${name}</a></h3>
<p>${prose(description)}</p>
<dl class="facts"><div><dt>callers</dt><dd>${ACCESS[method['x-access']]}</dd></div>
<div><dt>result</dt><dd>${typeOf(result.schema)}${result.description === undefined ? undefined : markup`. ${prose(result.description)}`}</dd></div>
<div><dt>if it fails</dt><dd><code>${JSON.stringify(method['x-failure'])}</code></dd></div></dl>
${params.length === 0 ? markup`<p class="quiet">No parameters.</p>` : markup`<ol>${params.map(parameter)}</ol>`}
${examples.map(
  (example) => markup`${example.description === undefined ? undefined : markup`<p>${example.description}</p>`}
<pre class="example">${JSON.stringify({
    jsonrpc: '2.0',
    method: name,
    id: 1,
    ...(example.params.length > 0 && {
      params: Object.fromEntries(example.params.map(({ name: parameterName, value }) => [parameterName, value])),
    }),
  })}</pre>
<pre class="example">→ ${json(example.result.value)}</pre>`,
)}`;
}

function parameter({ name, required, description, schema }: Method['params'][number]): Markup {
  return markup`<li><code>${name}</code> ${typeOf(schema)}${
    required
      ? undefined
      : markup` <span class="quiet">optional${
          schema.default === undefined ? undefined : markup`, by default <code>${JSON.stringify(schema.default)}</code>`
        }</span>`
  }${description === undefined ? undefined : markup`: ${prose(description)}`}</li>`;
}

/** A schema in a few words, with links to the types that it names. */
function typeOf(schema: Schema): Markup {
  const { $ref, type, items, anyOf, additionalProperties, properties } = schema;
  if (typeof $ref === 'string') {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return markup`<a href="#type-${name}">${name}</a>`;
  }
  if (Array.isArray(anyOf)) return alternatives((anyOf as Schema[]).map(typeOf));
  if ('const' in schema) return markup`<code>${JSON.stringify(schema['const'])}</code>`;
  if (Array.isArray(schema['enum'])) {
    return alternatives(schema['enum'].map((value) => markup`<code>${JSON.stringify(value)}</code>`));
  }
  if (items !== undefined) return markup`array of ${typeOf(items as Schema)}`;
  if (typeof additionalProperties === 'object')
    return markup`object with values ${typeOf(additionalProperties as Schema)}`;
  if (typeof properties === 'object') return markup`object with ${Object.keys(properties as object).join(', ')}`;
  return markup`${type === undefined ? 'any value' : ([type].flat() as string[]).join(' or ')}`;
}

function alternatives(types: readonly Markup[]): Markup {
  return markup`${types.map((type, place) => (place === 0 ? type : markup` or ${type}`))}`;
}

/** Text with \`code\` in it. */
function prose(text: string): Markup {
  return markup`${text.split('`').map((part, place) => (place % 2 === 1 ? markup`<code>${part}</code>` : markup`${part}`))}`;
}

function json(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}
