import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadContract } from '../../dist/contract/contract.js';

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

/** Answers of the contract that no test has seen: an operation without tests of each of its statuses is not done. */
function unseenAnswers(file) {
  const seen = new Set(existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);
  const { operations, document } = loadContract();
  return operations.flatMap(({ id, method, path }) =>
    Object.keys(document.paths[path][method].responses)
      .map((status) => `${id} ${status}`)
      .filter((answer) => !seen.has(answer)),
  );
}
