import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { run, useDemoServer } from '../support/server-process.ts';
import type { LinksClient } from './generators/links-client.ts';

// Clients from five generators: each compiles under --strict and runs the same scenario. OpenAPI Generator, for Python and
// Java, is not among them: its npm package downloads the program when it runs, and the last version that contained it is a
// beta of 2020. That one makes clients of /openapi-3.0.json.

// Generating and compiling take 20 seconds of processor time, which is slow on a busy machine.
jest.setTimeout(600_000);

const GENERATORS = ['openapi-typescript', 'hey-api', 'orval', 'swagger-typescript-api', 'oazapfts'];
const GENERATE = fileURLToPath(new URL('generators/generate.js', import.meta.url));

const url = useDemoServer();

beforeAll(async () => {
  const { code, stdout, stderr } = await run([process.execPath, GENERATE, url()], { PATH: process.env['PATH'] ?? '' });
  const output = `${stdout}${stderr}`;
  expect({ code, output }).toEqual({ code: 0, output });
});

describe.each(GENERATORS)('the client from %s', (generator) => {
  let client: LinksClient;

  beforeAll(async () => {
    // Not a literal, since the sources that it imports exist only now.
    const module: { linksClient(baseUrl: string): LinksClient } = await import(`./generators/clients/${generator}.ts`);
    client = module.linksClient(`${url()}/v2`);
  });

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
});
