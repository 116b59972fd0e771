import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { run, useDemoServer } from '../support/server-process.ts';
import { type LinksClient, TOKEN } from './generators/links-client.ts';
import { ProcessClient } from './generators/process-client.ts';

// Clients from five generators: each compiles under --strict and runs the same scenario. So do the Python and Java clients
// from OpenAPI Generator.

// Generating and compiling take 30 seconds of processor time, which is slow on a busy machine.
jest.setTimeout(600_000);

const GENERATORS = ['openapi-typescript', 'hey-api', 'orval', 'swagger-typescript-api', 'oazapfts'];
const GENERATE = inFolder('generate.js');
const JAR = fileURLToPath(import.meta.resolve('@openapitools/openapi-generator-cli/bin/openapi-generator.jar'));

/** Clients in other languages: what they need, and what runs them. */
const LANGUAGES = {
  python: {
    needs: [
      ['java', '-version'],
      ['python3', '-c', 'import certifi, dateutil, six, urllib3'],
    ],
    command: ['python3', inFolder('clients/links_client.py'), inFolder('generated/python')],
  },
  java: {
    needs: [
      ['java', '-version'],
      ['javac', '-version'],
    ],
    command: [
      'java',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-cp',
      `${JAR}:${inFolder('generated/java/classes')}`,
      'LinksClient',
    ],
  },
};

type Language = keyof typeof LANGUAGES;
const languages = (Object.keys(LANGUAGES) as Language[]).map((language) => ({
  language,
  missing: LANGUAGES[language].needs
    .find(([program = '', ...args]) => spawnSync(program, args).status !== 0)
    ?.join(' '),
}));
const available = languages.filter(({ missing }) => missing === undefined).map(({ language }) => language);

const url = useDemoServer();

beforeAll(async () => {
  const command = [process.execPath, GENERATE, url(), ...available];
  const { code, stdout, stderr } = await run(command, { PATH: process.env['PATH'] ?? '' });
  const output = `${stdout}${stderr}`;
  expect({ code, output }).toEqual({ code: 0, output });
});

describe.each(GENERATORS)('the client from %s', (generator) => {
  testScenario(async () => {
    // Not a literal, since the sources that it imports exist only now.
    const module: { linksClient(baseUrl: string): LinksClient } = await import(`./generators/clients/${generator}.ts`);
    return module.linksClient(`${url()}/v2`);
  });
});

for (const { language, missing } of languages) {
  const name = `the client from OpenAPI Generator for ${language}`;
  if (missing === undefined)
    describe(name, () => testScenario(() => new ProcessClient([...LANGUAGES[language].command, `${url()}/v2`, TOKEN])));
  else test.skip(`${name}, which needs a machine where this works: ${missing}`, () => undefined);
}

function testScenario(open: () => LinksClient | Promise<LinksClient>): void {
  let client: LinksClient;

  beforeAll(async () => {
    client = await open();
  });
  afterAll(() => client.close?.());

  test('reads, creates, changes and deletes a link, and gets refusals as errors', async () => {
    const known = (await client.list('JUNE-2')).find(({ id }) => id === 4709605);
    expect(known).toMatchObject({ relationship: 'is parent task for', object: { key: 'TREK-9844' } });

    const created = await client.create('SUPPORT-2', 'depends on', 'JUNE-12');
    expect(created).toMatchObject({ relationship: 'depends on', object: { key: 'JUNE-12' }, direction: 'outward' });
    const links = await client.list('SUPPORT-2');
    expect(links).toContainEqual(created);
    await expect(client.create('SUPPORT-2', 'relates', 'JUNE-12')).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining('SUPPORT-2'),
    });
    expect(await client.list('SUPPORT-2')).toEqual(links);

    expect(await client.get('SUPPORT-2', created.id)).toEqual(created);
    expect(await client.update('SUPPORT-2', created.id, 'relates')).toMatchObject({ relationship: 'relates' });
    await client.delete('SUPPORT-2', created.id);
    await expect(client.get('SUPPORT-2', created.id)).rejects.toMatchObject({ status: 404 });
  });
}

function inFolder(path: string): string {
  return fileURLToPath(new URL(`generators/${path}`, import.meta.url));
}
