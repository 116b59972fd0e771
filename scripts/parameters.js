// `npm run parameters` writes docs/parameters.md from openapi.yaml and openrpc.yaml: every parameter and member of both APIs,
// and what happens to it. A test compares the page with the contracts.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';

const FILE = new URL('../docs/parameters.md', import.meta.url);
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
/** Sent with every request, as the page says once. */
const COMMON = ['X-Org-ID', 'X-Cloud-Org-ID', 'Accept-Language'];
const HEADER = `<!-- \`npm run parameters\` writes this page from openapi.yaml and openrpc.yaml. -->
# What happens to each parameter

A parameter or member that Tracker or Kanboard documents is acted upon, or refused by its name. It is never dropped while the
request succeeds. Only words that mean nothing to either API are ignored.

## Tracker

Every request may have \`X-Org-ID\`, \`X-Cloud-Org-ID\` and \`Accept-Language\`; all three are acted upon.

- **Acted upon**: [openapi.yaml](../openapi.yaml) describes the effect. Names in italics are headers; those after "body:" are
  members of the body.
- **Only as stored**: it cannot be changed. It may be sent back as it was read; another value is refused with 422.
- **Only empty**: there is nothing of the kind here, so an empty array is accepted, and anything else refused.
- **Refused**: Tracker documents it, and this server does not do it: 400 for a parameter, 422 for a member, with the name in
  \`errors\` and the code \`not_supported\` ([errors.md](errors.md)). Values in parentheses ask for nothing, so they are accepted.
  *Idempotency-Key* is refused with 400 where the response holds a secret, which must not be stored.

A body whose schema allows no further members refuses every other name with 422.

`;
const KANBOARD = `
## Kanboard

Every parameter is acted upon, apart from those in the last column: they are stored and returned, and have no effect here.
A value that is not acted upon gives the call's failure value, and the reason in the log ([errors.md](errors.md#json-rpc)).
Parameters beyond those of the procedure get \`-32602\`.

| procedure | acted upon | stored only |
|---|---|---|
`;

/** The page, from the texts of openapi.yaml and openrpc.yaml. */
export function parametersPage(openapi, openrpc) {
  const rest = load(openapi);
  const rows = Object.entries(rest.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] && item.servers === undefined).map((method) =>
      restRow(rest, `\`${method.toUpperCase()} ${path}\``, item, item[method]),
    ),
  );
  const table = [
    '| operation | acted upon | only as stored | only empty | refused |',
    '|---|---|---|---|---|',
    ...rows,
  ];
  const calls = load(openrpc).methods.map(({ name, params }) => {
    const passive = params.filter((parameter) => parameter['x-passive']);
    return row([`\`${name}\``, listed(params.filter((one) => !passive.includes(one))), listed(passive)]);
  });
  return `${HEADER}${table.join('\n')}\n${KANBOARD}${calls.join('\n')}\n`;
}

function restRow(document, title, item, operation) {
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])]
    .map((parameter) => resolved(document, parameter))
    .filter(({ name, in: place }) => place !== 'path' && !COMMON.includes(name));
  const shown = parameters.map(({ name, in: place }) => (place === 'header' ? `*${name}*` : `\`${name}\``));
  const members = membersOf(document, resolved(document, operation.requestBody)?.content['application/json'].schema);
  const of = (schema) => members.filter((member) => member.schema.$ref === `#/components/schemas/${schema}`);
  const [stored, empty] = [of('SentBack'), of('EmptyList')];
  const acted = members.filter((member) => !stored.includes(member) && !empty.includes(member));
  const body = acted.length === 0 ? '' : `body: ${listed(acted)}`;
  const { header = {}, query = {}, body: refusedBody = {} } = operation['x-not-supported'] ?? {};
  const refusedMembers = refusedList(refusedBody);
  const refusedHeaders = Object.keys(header).map((name) => `*${name}*`);
  const refused = [...refusedHeaders, refusedList(query), refusedMembers && `body: ${refusedMembers}`]
    .filter(Boolean)
    .join('; ');
  return row([title, [shown.join(', '), body].filter(Boolean).join('; '), listed(stored), listed(empty), refused]);
}

function membersOf(document, schema) {
  const { properties = {}, allOf = [] } = resolved(document, schema) ?? {};
  const own = Object.entries(properties).map(([name, member]) => ({ name, schema: member }));
  return [...own, ...allOf.flatMap((part) => membersOf(document, part))];
}

function refusedList(names) {
  return Object.entries(names)
    .map(([name, accepted]) => {
      const values = accepted.map((value) => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``);
      return values.length === 0 ? `\`${name}\`` : `\`${name}\` (${values.join(', ')})`;
    })
    .join(', ');
}

function listed(named) {
  return named.map(({ name }) => `\`${name}\``).join(', ');
}

function row(cells) {
  return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |').replaceAll('|  |', '| |');
}

function resolved(document, value) {
  if (value?.$ref === undefined) return value;
  return value.$ref
    .slice(2)
    .split('/')
    .reduce((node, step) => node[step], document);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
  writeFileSync(FILE, parametersPage(read('openapi.yaml'), read('openrpc.yaml')));
}
