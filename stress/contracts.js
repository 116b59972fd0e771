// The operations of both contracts, as a stress run needs them: with every place of a request that holds a value.
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const read = (file) => load(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'));

/**
 * Every operation of openapi.yaml and every method of openrpc.yaml. `places` lists where a value can stand in a request:
 * parameters, and the strings and numbers of the body, in each form that the schema allows.
 */
export function loadOperations() {
  return [...restOperations(read('openapi.yaml')), ...rpcOperations(read('openrpc.yaml'))];
}

function restOperations(document) {
  const resolve = resolverOf(document);
  return Object.entries(document.paths)
    .filter(([, item]) => item.servers === undefined)
    .flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => {
        const operation = item[method];
        const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
        const body = resolve(operation.requestBody)?.content['application/json'].schema;
        const scope = (operation.security ?? document.security)[0].oauth[0];
        const searchFields = [...(operation.description ?? '').matchAll(/`([A-Z][a-z ]+)`/g)].map(([, name]) => name);
        const places = [
          ...parameters
            .filter((parameter) => parameter.in !== 'header')
            .flatMap((parameter) =>
              leavesOf(parameter.schema, parameter.name, resolve).map((leaf) => ({ ...leaf, in: parameter.in })),
            ),
          ...(body ? leavesOf(body, undefined, resolve, [...FILTERS, ...searchFields]) : []).map((leaf) => ({
            ...leaf,
            in: 'body',
          })),
        ];
        return {
          api: 'rest',
          id: operation.operationId,
          method: method.toUpperCase(),
          path,
          parameters,
          body,
          isRead: scope === 'read',
          places: places.map(named),
          resolve,
          sample: (schema, name, values) => sample(schema, name, resolve, values),
        };
      }),
    );
}

function rpcOperations(document) {
  const resolve = resolverOf(document);
  return document.methods.map(({ name: id, params, description, ...method }) => ({
    api: 'rpc',
    id,
    params,
    access: method['x-access'],
    isRead: id.startsWith('get') || id.startsWith('search'),
    places: params
      .flatMap(({ name, schema }) => leavesOf(schema, name, resolve))
      .map((leaf) => named({ ...leaf, in: 'params' })),
    resolve,
    sample: (schema, name, values) => sample(schema, name, resolve, values),
  }));
}

const named = (place) => ({ ...place, label: `${place.in}.${place.steps.join('.')}` });

function resolverOf(document) {
  return function resolve(value) {
    if (value?.$ref === undefined) return value;
    const { $ref, ...rest } = value;
    const target = $ref
      .slice(2)
      .split('/')
      .reduce((node, step) => node[step.replaceAll('~1', '/')], document);
    return { ...resolve(target), ...rest, schemaName: $ref.split('/').at(-1) };
  };
}

/** Keys of an object whose schema names none: the fields of an issue, and those that the description of a search names. */
const FILTERS = ['queue', 'key', 'parent', 'epic', 'summary', 'tags', 'status', 'assignee', 'linkedTo', 'links'];

/** The strings and numbers within values of a schema; `wrap` puts a value there, with what else is required beside it. */
function leavesOf(given, name, resolve, fields = FILTERS) {
  const leaves = (unresolved, property, steps) => {
    const schema = flat(unresolved, resolve);
    const variants = schema.anyOf ?? schema.oneOf;
    if (variants) return variants.flatMap((variant) => leaves(variant, property, steps));
    const types = [schema.type ?? ['string', 'integer']].flat();
    const within = [];
    if (types.includes('object')) {
      const open = schema.properties === undefined ? fields.map((field) => [field, {}]) : [];
      for (const [key, value] of [...Object.entries(schema.properties ?? {}), ...open]) {
        for (const leaf of leaves(value, key, [...steps, key])) {
          const wrap = (target, values) => ({
            ...sampleObject(schema, resolve, values),
            [key]: leaf.wrap(target, values),
          });
          within.push({ ...leaf, wrap });
        }
      }
    }
    if (types.includes('array') && schema.items && schema.maxItems !== 0) {
      for (const leaf of leaves(schema.items, property, steps)) {
        within.push({ ...leaf, wrap: (target, values) => [leaf.wrap(target, values)] });
      }
    }
    const isScalar = types.some((type) => ['string', 'integer', 'number'].includes(type));
    if (isScalar && schema.enum === undefined && schema.const === undefined) {
      within.push({ name: property, steps, isText: types.includes('string'), schema, wrap: (target) => target });
    }
    return within;
  };
  return leaves(given, name, name === undefined ? [] : [name]);
}

/** A schema without references and `allOf`. */
export function flat(unresolved, resolve) {
  const schema = resolve(unresolved);
  if (schema.allOf === undefined) return schema;
  const parts = schema.allOf.map((part) => flat(part, resolve));
  return {
    type: 'object',
    required: parts.flatMap(({ required = [] }) => required),
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)),
  };
}

function sampleObject(schema, resolve, values) {
  const required = schema.required ?? [];
  return Object.fromEntries(required.map((key) => [key, sample(schema.properties?.[key] ?? {}, key, resolve, values)]));
}

/** A valid value of a schema: the one that `values` has for the name of the schema or the property, or a simple one. */
function sample(unresolved, property, resolve, values) {
  const schema = flat(unresolved, resolve);
  const known = values(property, schema);
  if (known !== undefined) return known;
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [variant] = schema.anyOf ?? schema.oneOf ?? [];
  if (variant) return sample(variant, property, resolve, values);
  const [type] = [schema.type ?? 'string'].flat();
  if (type === 'object') return sampleObject(schema, resolve, values);
  if (type === 'array') return schema.minItems ? [sample(schema.items, property, resolve, values)] : [];
  if (type === 'boolean') return true;
  return type === 'string' ? 'text' : 1;
}
