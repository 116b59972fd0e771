import { readFile } from 'node:fs/promises';
import type { Config } from '../config.ts';
import type { Contract, Operation } from '../contract/contract.ts';
import type { OperationId, Schemas } from '../contract/types.ts';
import type { Viewer } from '../core/access/viewer.ts';
import { NO_ORIGIN } from '../core/issues/issues.store.ts';
import { lockOrganisations, selectOrganisationIds } from '../core/organisations/directory.store.ts';
import { APPLICATION_LOGIN, createOrganisation } from '../core/organisations/organisations.service.ts';
import { addMember } from '../core/queues/queue-members.service.ts';
import { createQueue } from '../core/queues/queues.service.ts';
import { createToken, replaceAccountToken, TOKEN_SCOPES } from '../core/tokens/tokens.service.ts';
import { isLogin } from '../core/users/login.ts';
import { createUser, getUserId } from '../core/users/users.service.ts';
import type { Database, Transaction } from '../database/database.ts';
import { DomainError, StartError } from '../errors.ts';
import type { Log } from '../log.ts';
import { texts } from '../texts.ts';
import { commentHandlers } from '../tracker/comments/comments.rest.ts';
import { issueLinkHandlers } from '../tracker/issue-links/issue-links.rest.ts';
import { newIssueIn } from '../tracker/issues/issues.rest.ts';
import { createIssue } from '../tracker/issues/issues.service.ts';
import { linkTypeHandlers } from '../tracker/link-types/link-types.rest.ts';
import { type Context, type Handlers, preferFirst } from '../tracker/rest/caller.ts';
import { loadOrganisation } from '../transfer/load.service.ts';
import { LoadError } from '../transfer/load-error.ts';
import { invalidSeed, parseSeed, type SeedRecord, type SeedValues } from './seed-file.ts';

/** What an empty database starts with: the records of SEED, or of the INIT_ variables, or the lines of an export. */
export interface Seed {
  /** The file, or `INIT_ORG`. */
  readonly name: string;
  readonly records: readonly SeedRecord[];
  readonly exported?: readonly string[];
}

type SeedConfig = Pick<Config, 'seed' | 'init'>;

/** Reads the seed that the configuration names, if any. Throws a StartError if it cannot be read or is invalid. */
export async function readSeed({ seed, init }: SeedConfig): Promise<Seed | undefined> {
  if (init !== undefined) return { name: 'INIT_ORG', records: recordsOfInit(init) };
  if (seed === undefined) return undefined;
  const content = await readFile(seed, 'utf8').catch((error: unknown) => {
    throw new StartError(`SEED=${seed} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (content.startsWith('{"export":')) return { name: seed, records: [], exported: content.split('\n') };
  return { name: seed, records: parseSeed(seed, content) };
}

/** The token serves both APIs, as the demo's does. */
function recordsOfInit({ orgId, login, token, queue }: NonNullable<SeedConfig['init']>): SeedRecord[] {
  const records: SeedRecord[] = [
    { kind: 'organisation', value: { id: orgId, ...(token && { kanboardToken: token }) }, place: 'INIT_ORG' },
    { kind: 'user', value: { login, role: 'admin' }, place: 'INIT_LOGIN' },
  ];
  if (token) records.push({ kind: 'token', value: { user: login, value: token }, place: 'INIT_TOKEN' });
  if (queue) records.push({ kind: 'queue', value: { key: queue, lead: login }, place: 'INIT_QUEUE' });
  return records;
}

/**
 * Applies the seed to an empty database, as one transaction; a database with an organisation stays as it is, which is
 * logged. Returns whether it was applied. Throws a StartError that names the record that was refused.
 */
export function applySeed(
  db: Database,
  contract: Contract,
  { name, records, exported }: Seed,
  log: Log,
): Promise<boolean> {
  return db.transaction(async (transaction) => {
    await lockOrganisations(transaction);
    if ((await selectOrganisationIds(transaction)).length > 0) {
      log.info({ seed: name }, 'the database is not empty, so the seed is not applied');
      return false;
    }
    if (exported) await loadExport(transaction, name, exported);
    let organisation: OrganisationSeeder | undefined;
    for (const record of records) {
      try {
        if (record.kind === 'organisation') {
          organisation = await OrganisationSeeder.create(transaction, contract, record.value);
        } else await organisation?.add(record);
      } catch (error) {
        if (error instanceof DomainError) throw invalidSeed(name, [`${record.place}: ${error.message}`]);
        throw error;
      }
    }
    log.info({ seed: name, records: (exported ?? records).length }, 'seed applied');
    return true;
  });
}

async function loadExport(transaction: Transaction, name: string, lines: readonly string[]): Promise<void> {
  await loadOrganisation(transaction, lines, {}).catch((error: unknown) => {
    throw error instanceof LoadError ? invalidSeed(name, error.problems) : error;
  });
}

type SeededOperation = 'createLinkType' | 'createIssueLink' | 'createComment';

const HANDLERS: Handlers<SeededOperation> = {
  ...linkTypeHandlers,
  ...issueLinkHandlers,
  ...commentHandlers,
};

/** Writes the records of one organisation, through the services and handlers of requests. */
class OrganisationSeeder {
  readonly #db: Transaction;
  readonly #contract: Contract;
  readonly #orgId: string;

  private constructor(db: Transaction, contract: Contract, orgId: string) {
    this.#db = db;
    this.#contract = contract;
    this.#orgId = orgId;
  }

  static async create(
    db: Transaction,
    contract: Contract,
    {
      id: orgId,
      name = orgId,
      language = 'en',
      profile = 'tracker',
      cloudId,
      kanboardToken,
    }: SeedValues['organisation'],
  ): Promise<OrganisationSeeder> {
    await createOrganisation(db, { orgId, cloudId, name, language, profile });
    const seeder = new OrganisationSeeder(db, contract, orgId);
    if (kanboardToken !== undefined) {
      await replaceAccountToken(db, orgId, await seeder.#userId(), 'application', { value: kanboardToken });
    }
    return seeder;
  }

  async add(record: Exclude<SeedRecord, { kind: 'organisation' }>): Promise<void> {
    switch (record.kind) {
      case 'user':
        await this.#addUser(record.value);
        break;
      case 'token':
        await this.#addToken(record.value);
        break;
      case 'queue':
        await this.#addQueue(record.value);
        break;
      case 'issue':
        await this.#addIssue(record.value);
        break;
      case 'linkType':
        await this.#send('createLinkType', { body: record.value });
        break;
      case 'link': {
        const { issue, createdBy, relationship, object } = record.value;
        await this.#send('createIssueLink', { issue, createdBy, body: { relationship, issue: object } });
        break;
      }
      case 'comment': {
        const { issue, createdBy, text } = record.value;
        await this.#send('createComment', { issue, createdBy, body: { text } });
        break;
      }
    }
  }

  async #addUser({ kanboardToken, role = 'member', ...user }: SeedValues['user']): Promise<void> {
    if (!isLogin(user.login)) throw new DomainError('invalid', texts.loginInvalid);
    const userId = await createUser(this.#db, this.#orgId, { ...user, role });
    if (kanboardToken === undefined) return;
    await replaceAccountToken(this.#db, this.#orgId, userId, 'personal', { value: kanboardToken });
  }

  async #addToken({ user, value, scopes = TOKEN_SCOPES, expiresAt }: SeedValues['token']): Promise<void> {
    await createToken(this.#db, this.#orgId, await this.#userId(user), {
      scopes,
      value,
      expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
    });
  }

  async #addQueue({ key, name = key, description, lead, members }: SeedValues['queue']): Promise<void> {
    const leadId = await this.#userId(lead);
    const access = members === undefined ? 'organisation' : 'members';
    const queueId = await createQueue(this.#db, this.#orgId, { key, name, description, leadId, access });
    const viewer = await this.#viewer(undefined);
    for (const [login, role] of Object.entries(members ?? {})) {
      await addMember(this.#db, viewer, queueId, { userId: await this.#userId(login), role });
    }
  }

  /** As an import, which can set the key and the status. */
  async #addIssue({ key, status, createdBy, ...issue }: SeedValues['issue']): Promise<void> {
    const viewer = await this.#viewer(createdBy);
    const [queue] = key.split('-');
    const body = this.#operation('createIssue').parse.body({ ...issue, queue }) as Schemas['NewIssue'];
    await createIssue(this.#db, viewer, newIssueIn(body), {
      key,
      status,
      createdBy: viewer.userId,
      origin: NO_ORIGIN,
    });
  }

  /** Carries out an operation of the Tracker API on behalf of its author, who needs no right to do so. */
  async #send(
    id: SeededOperation,
    {
      issue,
      createdBy,
      body,
    }: { readonly issue?: string; readonly createdBy?: string | undefined; readonly body: object },
  ): Promise<void> {
    const handle = HANDLERS[id] as (
      call: Context & Record<'path' | 'query' | 'headers' | 'body', unknown>,
    ) => Promise<unknown>;
    await handle({
      db: this.#db,
      caller: {
        viewer: await this.#viewer(createdBy),
        tokenId: 0,
        scopes: TOKEN_SCOPES,
        language: 'en',
        base: '',
        url: '',
      },
      hold: () => undefined,
      preferred: preferFirst,
      path: { issueId: issue },
      query: {},
      headers: {},
      body: this.#operation(id).parse.body(body),
    });
  }

  #operation(id: OperationId): Operation {
    return this.#contract.operations.find((operation) => operation.id === id) as Operation;
  }

  async #viewer(login: string | undefined): Promise<Viewer> {
    return { orgId: this.#orgId, userId: await this.#userId(login), role: 'admin', isApplication: true };
  }

  #userId(login = APPLICATION_LOGIN): Promise<number> {
    return getUserId(this.#db, this.#orgId, login);
  }
}
