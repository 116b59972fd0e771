// Converts the constructs that our contract uses of OpenAPI 3.1 to 3.0.3, for tools that know no later version. Alternatives
// become one schema that allows them all: for anyOf, OpenAPI Generator names classes that it does not generate, and drops
// strings where one alternative is an object. What 3.0 cannot say at all is said as most generators understand it: `nullable`
// beside `allOf`.

const INT32_MAX = 2 ** 31 - 1;

/** The same contract in OpenAPI 3.0.3. */
export function openapi30(document) {
  const { summary, license, ...info } = document.info;
  const { schemas } = document.components;
  return {
    ...converted(document, ({ $ref }) => schemas[$ref?.replace('#/components/schemas/', '')]),
    openapi: '3.0.3',
    info: { ...info, description: `${summary}\n\n${info.description}`, license: { name: license.name } },
  };
}

/** Converts every schema below, and leaves examples and extensions as they are. `resolve` returns what a `$ref` names. */
function converted(node, resolve) {
  if (Array.isArray(node)) return node.map((item) => converted(item, resolve));
  if (typeof node !== 'object' || node === null) return node;
  return mapMembers(node, (value, key) => {
    if (key.startsWith('x-') || key === 'example' || key === 'examples') return value;
    if (key === 'schema') return schema30(value, resolve);
    if (key === 'schemas') return mapMembers(value, (schema) => schema30(schema, resolve));
    // 3.0 knows scopes of OAuth 2 and OpenID Connect only.
    if (key === 'security') return value.map((schemes) => mapMembers(schemes, () => []));
    return converted(value, resolve);
  });
}

function schema30(schema, resolve) {
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref, type, const: only, examples, anyOf, oneOf, properties, items, additionalProperties, ...rest } = schema;
  // OpenAPI Generator refuses patterns of dates.
  if (rest.format === 'date') delete rest.pattern;
  if ($ref !== undefined) return Object.keys(schema).length === 1 ? schema : { ...rest, allOf: [{ $ref }] };
  const inner = (value) => schema30(value, resolve);
  const alternatives = anyOf ?? oneOf;
  return {
    ...typed([type ?? []].flat()),
    // Without a format, generated Java has 32 bits for the ids of links, which have 64.
    ...([type].flat().includes('integer') && !(rest.maximum <= INT32_MAX) && { format: 'int64' }),
    ...rest,
    ...(only !== undefined && { type: typeof only, enum: [only] }),
    ...(examples !== undefined && { example: examples[0] }),
    ...(alternatives && merged(alternatives, resolve)),
    ...(properties && { properties: mapMembers(properties, inner) }),
    ...(items && { items: inner(items) }),
    ...(additionalProperties !== undefined && { additionalProperties: inner(additionalProperties) }),
  };
}

/** Without a type if there are several: any value. */
function typed(types) {
  const others = types.filter((type) => type !== 'null');
  return { ...(others.length === 1 && { type: others[0] }), ...(others.length < types.length && { nullable: true }) };
}

/** A schema of any value, unless all alternatives are objects: then an object with the members of all. */
function merged(schemas, resolve) {
  const others = schemas.filter(({ type }) => type !== 'null');
  const nullable = others.length < schemas.length && { nullable: true };
  const [only] = others;
  if (others.length === 1) return { ...('$ref' in only ? { allOf: [only] } : schema30(only, resolve)), ...nullable };
  const objects = others.map((schema) => resolve(schema) ?? schema);
  if (objects.some(({ type }) => type !== 'object')) return { ...nullable };
  // Those of the first have precedence.
  const properties = Object.assign({}, ...objects.map((object) => object.properties), objects[0].properties);
  const required = Object.keys(properties).filter((name) => objects.every((object) => object.required?.includes(name)));
  return {
    type: 'object',
    ...(required.length > 0 && { required }),
    properties: mapMembers(properties, (property) => schema30(property, resolve)),
    ...nullable,
  };
}

function mapMembers(object, convert) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, convert(value, key)]));
}
