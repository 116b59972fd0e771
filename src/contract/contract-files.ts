import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PACKAGE_ROOT } from '../package/package-root.ts';

/** The contracts as written, and as JSON from the build, since parsing YAML would prolong each start by a third. */
export const CONTRACT_FILES = [
  'openapi.yaml',
  'openapi.json',
  'openapi-3.0.json',
  'openrpc.yaml',
  'openrpc.json',
] as const;

/** `docs.json` is openapi.yaml together with the endpoint of the Kanboard API, for the page at /docs. */
export type ContractFile = (typeof CONTRACT_FILES)[number] | 'docs.json';

export function readContract(file: ContractFile & `${string}.json`): unknown {
  return JSON.parse(readFileSync(urlOf(file), 'utf8'));
}

export function readContractFile(file: ContractFile): Promise<string> {
  return readFile(urlOf(file), 'utf8');
}

function urlOf(file: ContractFile): URL {
  return new URL(file.endsWith('.json') ? `dist/contract/${file}` : file, PACKAGE_ROOT);
}
