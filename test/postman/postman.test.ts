import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, jest, test } from '@jest/globals';
import { loadContract } from '../../src/contract/contract.ts';
import { useDemoServer } from '../support/server-process.ts';

const require = createRequire(import.meta.url);
const newman = require('newman') as Newman;
const collection = require('../../postman/issue-links.postman_collection.json') as Collection;
const environment = require('../../postman/issue-links.postman_environment.json') as Environment;

// Four runs of every operation are slow on a busy machine.
jest.setTimeout(120_000);

const url = useDemoServer();

test('the files in postman/ match openapi.yaml', async () => {
  const script = fileURLToPath(new URL('../../scripts/postman.js', import.meta.url));
  await promisify(execFile)(process.execPath, [script, '--check']);
});

test('the collection contains every operation of the contract', () => {
  const requests = collection.item.flatMap(({ item }) =>
    item.map(({ request }) => {
      const path = request.url.path
        .filter((step) => step !== '{{version}}')
        .map((step) => step.replace(/^:(.*)/, '{$1}'));
      return `${request.method} /${path.join('/')}`;
    }),
  );
  for (const { method, path } of loadContract().operations)
    expect(requests).toContain(`${method.toUpperCase()} ${path}`);
});

test('the environment matches the demo of a server with default settings', () => {
  const values = Object.fromEntries(environment.values.map(({ key, value }) => [key, value]));
  expect(values).toEqual({
    baseUrl: 'http://127.0.0.1:8080',
    version: 'v2',
    token: 'demo-token',
    adminToken: 'demo-admin-token',
    applicationToken: 'demo-token',
    orgId: '1',
  });
});

test.each(['v2', 'v3'])('newman runs the whole collection twice against a real server under %s', async (version) => {
  await expectSuccessfulRun(version);
  await expectSuccessfulRun(version);
});

async function expectSuccessfulRun(version: string): Promise<void> {
  const { run } = await promisify(newman.run)({
    collection,
    environment,
    envVar: [
      { key: 'baseUrl', value: url() },
      { key: 'version', value: version },
    ],
  });
  const failures = run.failures.map(({ source, error, at }) => `${source?.name ?? at}: ${error.message}`);
  expect(failures).toEqual([]);
  const requests = collection.item.flatMap(({ item }) => item);
  expect(run.stats.requests).toMatchObject({ total: requests.length, failed: 0 });
  expect(run.stats.assertions).toMatchObject({ total: requests.length * 2, failed: 0 });
}

interface Newman {
  readonly run: (options: object, done: (error: Error | null, summary: Summary) => void) => void;
}

/** The fields of newman's summary that are read here. */
interface Summary {
  readonly run: {
    readonly stats: Readonly<Record<'requests' | 'assertions', { readonly total: number; readonly failed: number }>>;
    readonly failures: readonly {
      readonly at: string;
      readonly error: Error;
      readonly source?: { readonly name: string };
    }[];
  };
}

interface Collection {
  readonly item: readonly {
    readonly item: readonly {
      readonly request: { readonly method: string; readonly url: { readonly path: readonly string[] } };
    }[];
  }[];
}

interface Environment {
  readonly values: readonly { readonly key: string; readonly value: string }[];
}
