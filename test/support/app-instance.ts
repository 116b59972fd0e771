import type { Server } from 'node:http';
import { pino } from 'pino';
import { type AppOptions, createApp } from '../../src/app.ts';
import { loadContract } from '../../src/contract/contract.ts';
import { loadRpcContract } from '../../src/contract/openrpc.ts';
import type { Connection } from '../../src/database/connection.ts';
import type { DatabasePool } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { createHttpServer } from '../../src/http/http-server.ts';

/** The service in this process, as one of several on the same database. */
export interface AppInstance {
  readonly url: string;
  readonly db: DatabasePool;
  /** The lines that it logged. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

export async function startInstance(
  connection: Connection,
  settings: Partial<AppOptions['config']> = {},
  replicas?: Connection,
): Promise<AppInstance> {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const db = openDatabase(connection, log, { replicas });
  db.listen();
  const config = {
    publicUrl: undefined,
    trustProxy: false,
    corsOrigins: new Set<string>(),
    kanboardAuthHeader: undefined,
    kanboardOrg: undefined,
    rateLimit: false,
    rateLimitStore: 'memory',
    testMode: false,
    metricsPort: undefined,
    ...settings,
  } as const;
  const app = createApp({ contract: loadContract(), rpcContract: loadRpcContract(), db, log, config });
  const server = createHttpServer(app.express, app.listener);
  return {
    url: await listen(server),
    db,
    log: lines,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await db.close();
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
