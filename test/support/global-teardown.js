import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadContract } from '../../dist/contract/contract.js';
import { methodsOf } from '../../dist/contract/methods.js';

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
  const contract = loadContract();
  return [...answersOfOperations(contract), ...answersOfProcedures(contract)].filter((answer) => !seen.has(answer));
}

function answersOfOperations({ document }) {
  return Object.values(document.paths)
    .flatMap((path) => Object.values(path).filter(({ operationId }) => operationId !== undefined))
    .flatMap(({ operationId, responses }) => Object.keys(responses).map((status) => `${operationId} ${status}`));
}

/** Each succeeds, and each that is asked for something can fail, unless its schema knows no failure. */
function answersOfProcedures(contract) {
  return [...methodsOf(contract).values()].flatMap(({ name, params, failure }) => {
    const fits = contract.validator(`/components/schemas/${name[0].toUpperCase()}${name.slice(1)}Result`);
    return params.length > 0 && fits(failure) ? [`${name} success`, `${name} failure`] : [`${name} success`];
  });
}
