// Converts the constructs that our contract uses of OpenAPI 3.1 to 3.0.3, for tools that know no later version. What 3.0
// cannot say at all is said as most generators understand it: `nullable` beside `anyOf` or `allOf`.

/** The same contract in OpenAPI 3.0.3. */
export function openapi30(document) {
  const { summary, license, ...info } = document.info;
  return {
    ...converted(document),
    openapi: '3.0.3',
    info: { ...info, description: `${summary}\n\n${info.description}`, license: { name: license.name } },
  };
}

/** Converts every schema below, and leaves examples and extensions as they are. */
function converted(node) {
  if (Array.isArray(node)) return node.map(converted);
  if (typeof node !== 'object' || node === null) return node;
  return mapMembers(node, (value, key) => {
    if (key.startsWith('x-') || key === 'example' || key === 'examples') return value;
    if (key === 'schema') return schema30(value);
    if (key === 'schemas') return mapMembers(value, schema30);
    // 3.0 knows scopes of OAuth 2 and OpenID Connect only.
    if (key === 'security') return value.map((schemes) => mapMembers(schemes, () => []));
    return converted(value);
  });
}

function schema30(schema) {
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref, type, const: only, examples, anyOf, oneOf, properties, items, additionalProperties, ...rest } = schema;
  // OpenAPI Generator refuses patterns of dates.
  if (rest.format === 'date') delete rest.pattern;
  if ($ref !== undefined) return Object.keys(schema).length === 1 ? schema : { ...rest, allOf: [{ $ref }] };
  return {
    ...typed([type ?? []].flat()),
    ...rest,
    ...(only !== undefined && { type: typeof only, enum: [only] }),
    ...(examples !== undefined && { example: examples[0] }),
    ...(anyOf && alternatives('anyOf', anyOf)),
    ...(oneOf && alternatives('oneOf', oneOf)),
    ...(properties && { properties: mapMembers(properties, schema30) }),
    ...(items && { items: schema30(items) }),
    ...(additionalProperties !== undefined && { additionalProperties: schema30(additionalProperties) }),
  };
}

function typed(types) {
  const others = types.filter((type) => type !== 'null');
  return {
    ...(others.length === 1 && { type: others[0] }),
    ...(others.length > 1 && { anyOf: others.map((type) => ({ type, ...(type === 'array' && { items: {} }) })) }),
    ...(others.length < types.length && { nullable: true }),
  };
}

/** `nullable` instead of the alternative `null`; a single other one is written without `anyOf`. */
function alternatives(keyword, schemas) {
  const others = schemas.filter(({ type }) => type !== 'null').map(schema30);
  if (others.length === schemas.length) return { [keyword]: others };
  const [only] = others;
  if (others.length > 1) return { [keyword]: others, nullable: true };
  return '$ref' in only ? { allOf: [only], nullable: true } : { ...only, nullable: true };
}

function mapMembers(object, convert) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, convert(value, key)]));
}
