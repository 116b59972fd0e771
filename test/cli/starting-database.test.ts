import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { runCommand } from '../support/command-line.ts';
import { openDatabaseProxy } from '../support/database-proxy.ts';
import { type Environment, PROGRAM, startServer } from '../support/server-process.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase('template0');

/** The error of a PostgreSQL that is starting. */
const STARTING = errorMessage({ S: 'FATAL', V: 'FATAL', C: '57P03', M: 'the database system is starting up' });

function errorMessage(fields: Readonly<Record<string, string>>): Buffer {
  const body = Object.entries(fields).map(([field, value]) => `${field}${value}\0`);
  const content = Buffer.from(`${body.join('')}\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

/** Runs a program on a PostgreSQL that refuses the first connections because it is starting. */
async function whileStarting<Result>(work: (environment: Environment) => Promise<Result>): Promise<Result> {
  const { user, password, database: name } = database().connection;
  const proxy = await openDatabaseProxy(database().connection);
  await proxy.cut();
  const { port } = proxy.connection;
  const starting = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(STARTING));
  });
  starting.listen(port, '127.0.0.1');
  await once(starting, 'listening');
  const url = `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}`;
  const result = work({ DATABASE_URL: url, DATABASE_WAIT_SECONDS: '60' });
  await once(starting, 'connection');
  await once(starting, 'connection');
  await new Promise((resolve) => starting.close(resolve));
  await proxy.restore();
  try {
    return await result;
  } finally {
    await proxy.cut();
  }
}

test('the server waits for a database that is starting, and logs why', async () => {
  await whileStarting(async (environment) => {
    const server = await startServer([...PROGRAM, 'serve'], environment);
    expect(server.output()).toContain('"reason":"the database system is starting up","msg":"waiting for the database"');
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});

test.each(['migrate', 'org create waiting'])('the command %s waits likewise, and says so', async (command) => {
  const outcome = await whileStarting((environment) => runCommand(command, environment));
  expect(outcome).toMatchObject({
    code: 0,
    stderr: 'Waiting for the database (the database system is starting up).\n',
  });
});

test('the wait is bounded', async () => {
  const unreachable = { DATABASE_URL: 'postgres://127.0.0.1:1/none', DATABASE_WAIT_SECONDS: '1' };
  const outcome = await runCommand('migrate', unreachable);
  expect(outcome).toMatchObject({
    code: 1,
    stderr:
      'Waiting for the database (connect ECONNREFUSED 127.0.0.1:1).\n' +
      'The database cannot be used (connect ECONNREFUSED 127.0.0.1:1): check DATABASE_URL.\n',
  });
});
