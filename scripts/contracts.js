// The contracts in the forms that the server reads and serves. The build writes them, since parsing YAML would prolong each
// start by a third.
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { openapi30 } from './openapi-3.0.js';

const read = (name) => load(readFileSync(new URL(`../${name}.yaml`, import.meta.url), 'utf8'));

/** Documents by the name of their file. */
export function contractFiles() {
  const openapi = read('openapi');
  return {
    'openapi.json': openapi,
    'openapi-3.0.json': openapi30(openapi),
    'openrpc.json': read('openrpc'),
    'docs.json': bothApis(openapi),
  };
}

/** The REST API and the endpoint of the Kanboard API in one document, for /docs and Postman. */
export function bothApis(openapi = read('openapi')) {
  const kanboard = read('openapi-kanboard');
  const kinds = new Set([...Object.keys(openapi.components), ...Object.keys(kanboard.components)]);
  return {
    ...openapi,
    tags: [...openapi.tags, ...kanboard.tags],
    paths: { ...openapi.paths, ...kanboard.paths },
    components: Object.fromEntries(
      [...kinds].map((kind) => [kind, { ...openapi.components[kind], ...kanboard.components[kind] }]),
    ),
  };
}
