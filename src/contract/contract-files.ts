import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** The contracts as written, and as JSON from the build, since parsing YAML would prolong each start by a third. */
const FILES = {
  'openapi.yaml': new URL('../../openapi.yaml', import.meta.url),
  'openapi.json': new URL('../../dist/contract/openapi.json', import.meta.url),
  'openrpc.yaml': new URL('../../openrpc.yaml', import.meta.url),
  'openrpc.json': new URL('../../dist/contract/openrpc.json', import.meta.url),
};

export type ContractFile = keyof typeof FILES;

export const CONTRACT_FILES = Object.keys(FILES) as ContractFile[];

export function readContract(file: ContractFile & `${string}.json`): unknown {
  return JSON.parse(readFileSync(FILES[file], 'utf8'));
}

export function readContractFile(file: ContractFile): Promise<string> {
  return readFile(FILES[file], 'utf8');
}
