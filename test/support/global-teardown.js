import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { loadContract } from '../../dist/contract/contract.js';
import { loadRpcContract } from '../../dist/contract/openrpc.js';

export default async function globalTeardown(config) {
  const { postgres, folder } = globalThis.testPostgres;
  const unseen = unseenAnswers(join(folder, 'answers.txt'));
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
  const ranAll = config.testPathPatterns.patterns.length === 0 && !config.testNamePattern && !config.onlyChanged;
  if (ranAll && unseen.length > 0) {
    throw new Error(`The contract declares answers that no test has seen:\n${unseen.join('\n')}`);
  }
}

/** Answers of the contract that no test has seen: an operation without tests of each of its answers is not done. */
function unseenAnswers(file) {
  const seen = new Set(existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);
  const declared = [...answersOfOperations(loadContract('docs.json')), ...answersOfMethods(loadRpcContract())];
  return declared.filter((answer) => !seen.has(answer));
}

function answersOfOperations({ document }) {
  return Object.values(document.paths)
    .flatMap((path) => Object.values(path).filter(({ operationId }) => operationId !== undefined))
    .flatMap(({ operationId, responses }) => Object.keys(responses).map((status) => `${operationId} ${status}`));
}

/** Every method can succeed; one with parameters can fail, unless its schema excludes the failure value. */
function answersOfMethods({ document }) {
  const ajv = new Ajv({ strict: false });
  addFormats.default(ajv);
  return document.methods.flatMap(({ name, params, result, 'x-failure': failure }) => {
    const canFail = params.length > 0 && ajv.validate({ ...result.schema, components: document.components }, failure);
    return canFail ? [`${name} success`, `${name} failure`] : [`${name} success`];
  });
}
