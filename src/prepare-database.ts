import { Audit, thisProcess } from './audit.ts';
import type { Config } from './config.ts';
import type { Contract } from './contract/contract.ts';
import { connectPostgres, type Postgres, updateSchema } from './database/postgres.ts';
import { prepareDemo } from './demo/demo.ts';
import { DEMO_ORG_ID } from './demo/demo-data.ts';
import { requireFreeAddress } from './http/listen.ts';
import { expectsProxy } from './http/loopback.ts';
import type { Log } from './log.ts';
import { applySeed, readSeed } from './seed/seed.ts';
import { prepareSnapshot } from './test-mode/snapshot.ts';

export interface ServeOptions {
  /** Replaces the demo with a fresh one. */
  readonly reset?: boolean;
}

export interface PreparedDatabase {
  readonly postgres: Postgres;
  /** Whether the demo's credentials are accepted. */
  readonly isDemoUsable: boolean;
}

/** Connects to the database and brings its schema, seed and demo up to date. If a step fails, it disconnects. */
export async function prepareDatabase(
  config: Config,
  { contract, log, auditLog }: { readonly contract: Contract; readonly log: Log; readonly auditLog: Log },
  { reset = false }: ServeOptions,
): Promise<PreparedDatabase> {
  const seed = await readSeed(config);
  const postgres = await connectToServe(config, { create: true, log });
  try {
    await updateSchema(postgres, log);
    postgres.db.listen();
    // A server that is still running occupies the address: fail before its data is reset, not after.
    if (reset) await requireFreeAddress(config);
    const recordCreation = (action: string, given: object) => {
      new Audit(auditLog).record({ via: 'start', action, given }, 'done', thisProcess());
    };
    if (seed && (await applySeed(postgres.db, contract, seed, log))) recordCreation('seed', { file: seed.name });
    const demo = await prepareDemo(postgres.db, config, { isEmbedded: postgres.embedded !== undefined, reset });
    if (demo === 'created') recordCreation(reset ? 'demo reset' : 'demo', { org: DEMO_ORG_ID });
    const hasDemo = demo !== undefined;
    const isDemoUsable = hasDemo && !expectsProxy(config);
    if (hasDemo) log.warn({}, demoWarning(isDemoUsable));
    if (config.testMode) {
      await prepareSnapshot(postgres.db);
      log.warn({}, 'TEST_MODE=on: any token with the scope admin can reset the whole database');
    }
    return { postgres, isDemoUsable };
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

/** Connects for as long as a server runs. */
export async function connectToServe(
  config: Config,
  { create, log }: { readonly create: boolean; readonly log: Log },
): Promise<Postgres> {
  return await connectPostgres(config, {
    create,
    log,
    onWait: (reason) => {
      log.warn({ reason }, 'waiting for the database');
    },
  });
}

function demoWarning(isUsable: boolean): string {
  return isUsable
    ? 'anyone on this machine can sign in with the well-known credentials of the demo: use DEMO=off and an empty database behind a proxy'
    : 'the database holds the demo, whose well-known credentials are refused because of TRUST_PROXY or PUBLIC_URL';
}
