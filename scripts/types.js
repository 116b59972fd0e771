// `npm run types` generates the types in src/contract and of the client from openapi.yaml and openrpc.yaml; with `--check` it
// only reports the files that are out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { load } from 'js-yaml';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';

const ROOT = new URL('../', import.meta.url);
const openrpc = load(readFileSync(new URL('openrpc.yaml', ROOT), 'utf8'));
const openapi = new URL('openapi.yaml', ROOT);
/** openapi-fetch infers wrong types from readonly arrays. */
const sources = {
  'src/contract/openapi.generated.ts': [openapi, { immutable: true }],
  'src/contract/openrpc.generated.ts': [signaturesOf(openrpc), { immutable: true }],
  'clients/typescript/src/openapi.generated.ts': [openapi, {}],
};

for (const [path, [source, options]] of Object.entries(sources)) {
  const file = new URL(path, ROOT);
  const types = COMMENT_HEADER + astToString(await openapiTS(source, { ...options, alphabetize: true }));
  if (!process.argv.includes('--check')) writeFileSync(file, types);
  else if (readFileSync(file, 'utf8') !== types) {
    process.stderr.write(`${path} is out of date: run "npm run types".\n`);
    process.exitCode = 1;
  }
}

/** The schemas of an OpenRPC document, and in `Methods` the parameters and result of each method, in OpenAPI's format. */
function signaturesOf({ info, methods, components }) {
  const signatures = methods.map(({ name, params, result }) => {
    const members = Object.fromEntries(params.map((param) => [param.name, param.schema]));
    return [name, objectOf({ params: objectOf(members), result: result.schema })];
  });
  const schemas = { ...components.schemas, Methods: objectOf(Object.fromEntries(signatures)) };
  return { openapi: '3.1.0', info, paths: {}, components: { schemas } };
}

function objectOf(properties) {
  return { type: 'object', required: Object.keys(properties), properties };
}
