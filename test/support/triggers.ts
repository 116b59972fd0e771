import type { Database } from '../../src/database/database.ts';
import { isOnCitus } from './test-database.ts';

interface LinkTrigger {
  readonly name: string;
  /** When it runs, such as `before insert`. */
  readonly moment: string;
  /** Delays an `after` trigger until the commit. */
  readonly isDeferred?: boolean;
  /** The statements of its function, in PL/pgSQL. */
  readonly body: string;
}

/** Creates a trigger on the table of links. Returns a function that drops it. */
export async function createLinkTrigger(
  db: Database,
  { name, moment, isDeferred = false, body }: LinkTrigger,
): Promise<() => Promise<void>> {
  await runAll(db, [
    `create function ${name}() returns trigger language plpgsql as $$ begin ${body} end $$`,
    `create ${isDeferred ? 'constraint' : ''} trigger ${name} ${moment} on links
     ${isDeferred ? 'deferrable initially deferred' : ''} for each row execute function ${name}()`,
  ]);
  return () => runAll(db, [`drop trigger ${name} on links`, `drop function ${name}()`]);
}

async function runAll(db: Database, texts: readonly string[]): Promise<void> {
  await db.transaction(async (transaction) => {
    // Citus creates triggers on distributed tables only when told that they stay on their node.
    const settings = isOnCitus
      ? ['set local citus.enable_unsafe_triggers = on', `set local citus.multi_shard_modify_mode = 'sequential'`]
      : [];
    for (const text of [...settings, ...texts]) await transaction.query({ name: '', text, values: [] });
  });
}
