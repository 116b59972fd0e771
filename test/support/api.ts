import type { Server } from 'node:http';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { pino } from 'pino';
import supertest from 'supertest';
import { type AppOptions, createApp } from '../../src/app.ts';
import { type Contract, loadContract } from '../../src/contract/contract.ts';
import { loadRpcContract } from '../../src/contract/openrpc.ts';
import type { DatabasePool } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { createHttpServer, type Listener, type ReceiveLimits } from '../../src/http/http-server.ts';
import { ContractCheck } from './contract-check.ts';
import { type TestDatabase, useDatabase } from './test-database.ts';

export interface Api {
  /** Sends requests to the whole service; every response is checked against the contract. */
  readonly request: ReturnType<typeof supertest>;
  readonly database: TestDatabase;
  readonly contract: Contract;
  readonly url: string;
  /** The lines that the service logged in this test. */
  readonly log: string[];
  /** Returns and clears the contract violations of this test, for those that it expects. */
  takeProblems(): string[];
}

/** The whole service on a database of this test file; `connect` can put a proxy in between. */
export function useApi(
  config: Partial<AppOptions['config']> = {},
  connect?: (connection: TestDatabase['connection']) => Promise<TestDatabase['connection']>,
  {
    receiveLimits,
    ...limits
  }: Pick<AppOptions, 'batchMs' | 'requestMs' | 'responseLimits'> & {
    readonly receiveLimits?: ReceiveLimits;
  } = {},
): () => Api {
  const database = useDatabase();
  let api: Api | undefined;
  let server: Server;
  let check: ContractCheck;
  let db: DatabasePool | undefined;
  const lines: string[] = [];

  beforeAll(async () => {
    const contract = loadContract('docs.json');
    const rpcContract = loadRpcContract();
    check = new ContractCheck(contract, rpcContract);
    const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
    if (connect) db = openDatabase(await connect(database().connection), log);
    (db ?? database().db).listen();
    const app = createApp({
      contract,
      rpcContract,
      db: db ?? database().db,
      log,
      config: {
        publicUrl: undefined,
        trustProxy: false,
        corsOrigins: new Set(),
        kanboardAuthHeader: undefined,
        kanboardOrg: undefined,
        rateLimit: false,
        rateLimitStore: 'memory',
        testMode: false,
        metricsPort: undefined,
        ...config,
      },
      ...limits,
    });
    const listener: Listener = (request, response) => {
      check.watch(request, response);
      app.listener(request, response);
    };
    server = createHttpServer(app.express, listener, receiveLimits);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const url = `http://127.0.0.1:${port}`;
    api = {
      request: supertest(url),
      database: database(),
      contract,
      url,
      log: lines,
      takeProblems: () => check.takeProblems(),
    };
  });
  afterEach(() => {
    const failures = lines.splice(0).filter((line) => line.startsWith('{"level":50'));
    expect([...check.takeProblems(), ...failures]).toEqual([]);
  });
  afterAll(async () => {
    check.save();
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    await db?.close();
  });
  return () => {
    if (api === undefined) throw new Error('The service starts before the first test.');
    return api;
  };
}
