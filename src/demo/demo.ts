import type { Config } from '../config.ts';
import { selectLinkTypes } from '../core/link-types/link-types.store.ts';
import { lockOrganisations, selectOrganisationIds } from '../core/organisations/directory.store.ts';
import { APPLICATION_LOGIN, createOrganisation } from '../core/organisations/organisations.service.ts';
import { createQueue } from '../core/queues/queues.service.ts';
import { createToken, replaceAccountToken, TOKEN_SCOPES } from '../core/tokens/tokens.service.ts';
import { computeOrder } from '../core/topological-order/topological-order.service.ts';
import { createUser, getUserId } from '../core/users/users.service.ts';
import type { Database, Transaction } from '../database/database.ts';
import { StartError } from '../errors.ts';
import { isLoopbackHost } from '../http/loopback.ts';
import { deleteEverything, existsLoopbackCredential, insertDemoIssues, insertDemoLinks } from './demo.store.ts';
import {
  DEMO_ADMIN,
  DEMO_ADMIN_TOKEN,
  DEMO_APPLICATION_TOKEN,
  DEMO_FIRST_LINK_ID,
  DEMO_ISSUES,
  DEMO_LINKS,
  DEMO_ORG_ID,
  DEMO_QUEUES,
  DEMO_TOKEN,
  DEMO_USERS,
} from './demo-data.ts';

/**
 * Creates the demo if the configuration requests it, or replaces it on `reset`. Returns whether it did so, or the
 * database held the demo before; undefined for a database without it. `DEMO=auto` requests it only in an empty embedded database. Throws a StartError if the demo's well-known
 * credentials would be reachable from other machines without `DEMO=on`, or if a reset would delete another organisation.
 */
export async function prepareDemo(
  db: Database,
  config: Pick<Config, 'demo' | 'host'>,
  { isEmbedded, reset }: { isEmbedded: boolean; reset: boolean },
): Promise<'created' | 'present' | undefined> {
  const isPresent = await existsLoopbackCredential(db, DEMO_ORG_ID);
  const isWanted =
    reset ||
    config.demo === 'on' ||
    (config.demo === 'auto' && isEmbedded && (await selectOrganisationIds(db)).length === 0);
  if ((isPresent || isWanted) && config.demo !== 'on' && !isLoopbackHost(config.host)) {
    throw new StartError(
      `HOST=${config.host} can be reached from other machines, and the database ${isPresent ? 'holds' : 'would hold'} the demo's well-known ` +
        `credentials. Set ${isPresent ? 'DEMO=on to accept that (they work for loopback requests only), or use another DATA_DIR' : 'DEMO=off to start empty, or DEMO=on to accept that (they work for loopback requests only)'}.`,
    );
  }
  if (reset) await db.transaction(resetDemo);
  else if (isWanted && !isPresent) await db.transaction(createDemo);
  if (isWanted && (reset || !isPresent)) return 'created';
  return isPresent ? 'present' : undefined;
}

async function resetDemo(transaction: Transaction): Promise<void> {
  await lockOrganisations(transaction);
  // An organisation with the demo's id but without its credentials is not the demo.
  const isDemo = await existsLoopbackCredential(transaction, DEMO_ORG_ID);
  const others = (await selectOrganisationIds(transaction)).filter((orgId) => !(isDemo && orgId === DEMO_ORG_ID));
  if (others.length > 0) {
    throw new StartError(
      `--reset deletes everything in the database, and it holds ${others.join(', ')} besides the demo: ` +
        'nothing was changed. Use another DATA_DIR or DATABASE_URL for the demo.',
    );
  }
  await deleteEverything(transaction, DEMO_ORG_ID);
  await createDemo(transaction);
}

async function createDemo(transaction: Transaction): Promise<void> {
  await createOrganisation(transaction, {
    orgId: DEMO_ORG_ID,
    cloudId: undefined,
    name: 'Демонстрация',
    language: 'ru',
    profile: 'tracker',
  });
  for (const user of DEMO_USERS) await createUser(transaction, DEMO_ORG_ID, { ...user, loopbackOnly: true });
  const adminId = await getUserId(transaction, DEMO_ORG_ID, DEMO_ADMIN.login);
  await createToken(transaction, DEMO_ORG_ID, adminId, {
    scopes: ['read', 'write'],
    value: DEMO_TOKEN,
    loopbackOnly: true,
  });
  await createToken(transaction, DEMO_ORG_ID, adminId, {
    scopes: TOKEN_SCOPES,
    value: DEMO_ADMIN_TOKEN,
    loopbackOnly: true,
  });
  const applicationId = await getUserId(transaction, DEMO_ORG_ID, APPLICATION_LOGIN);
  await replaceAccountToken(transaction, DEMO_ORG_ID, applicationId, 'application', {
    value: DEMO_APPLICATION_TOKEN,
    loopbackOnly: true,
  });
  for (const queue of DEMO_QUEUES) await createQueue(transaction, DEMO_ORG_ID, { ...queue, leadId: adminId });
  await insertDemoIssues(transaction, DEMO_ORG_ID, DEMO_ISSUES);
  await insertDemoLinks(transaction, DEMO_ORG_ID, DEMO_LINKS, DEMO_FIRST_LINK_ID);
  for (const { link_type_id, is_acyclic } of await selectLinkTypes(transaction, DEMO_ORG_ID)) {
    if (is_acyclic) await computeOrder(transaction, DEMO_ORG_ID, link_type_id);
  }
}
