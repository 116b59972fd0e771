import type { Client } from './client.ts';
import type { ClientDatabase } from './database.ts';
import { type HeldConnection, receive, run } from './held-connection.ts';
import type { Replicas } from './replicas.ts';
import { SharedStatements, STATEMENTS_MAX } from './shared-statements.ts';

type WithConnection = <Result>(
  client: Client,
  work: (connection: HeldConnection) => Promise<Result>,
) => Promise<Result>;

/** Returns a function that creates the reader for a client's handle on the primary, which reads on the replicas. */
export function readersOf(
  replicas: Replicas,
  onPrimary: WithConnection,
): (client: Client, primary: ClientDatabase) => ClientDatabase {
  const read = <Result>(
    client: Client,
    work: (connection: HeldConnection, onPassed: () => void) => Promise<Result>,
  ): Promise<Result> => replicas.read(client, (fallback) => onPrimary(client, fallback), work);
  const sharedReads = new SharedStatements(async (statement, signal, onRow) => {
    await read({ signal }, (connection, onPassed) =>
      run(connection, statement, { signal }, (row) => {
        onPassed();
        onRow(row);
      }),
    );
  }, STATEMENTS_MAX * replicas.count);

  return (client, primary) => {
    const reader: ClientDatabase = {
      primary,
      cache: primary.cache,
      prefersOneStatement: false,
      execute: (statement) => primary.execute(statement),
      executeShared: (statement, orgId, writes) => primary.executeShared(statement, orgId, writes),
      transaction: (work) => primary.transaction(work),
      get reader() {
        return reader;
      },
      get untimed() {
        return primary.untimed;
      },
      query: (statement) =>
        read(client, (connection, onPassed) => {
          const countBytes = (bytes: number) => {
            onPassed();
            client.countBytes?.(bytes);
          };
          return run(connection, statement, { ...client, countBytes });
        }),
      readShared: (statement, orgId, keys) =>
        Promise.all(keys.map((key) => sharedReads.run(statement, orgId, key, client))),
      receive: (statement, onRow) =>
        read(client, (connection, onPassed) =>
          receive(connection, statement, client.signal, (row) => {
            onPassed();
            return onRow(row);
          }),
        ),
    };
    return reader;
  };
}
