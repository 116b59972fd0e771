import { beforeAll, describe, expect, test } from '@jest/globals';
import { APPLICATION_LOGIN } from '../../src/core/organisations/organisations.service.ts';
import { replaceAccountToken } from '../../src/core/tokens/tokens.service.ts';
import { createUser, getUserId } from '../../src/core/users/users.service.ts';
import { parseLossless, stringifyLossless } from '../../src/kanboard/rpc/json.ts';
import { useApi } from '../support/api.ts';
import { givenIssue, givenLink, givenOrganisation, givenQueue } from '../support/builders.ts';
import { sendExactly } from '../support/raw-request.ts';
import { expectedRequests } from '../support/rpc-contract-check.ts';
import {
  readDifferences,
  readTranscript,
  type TranscriptCase,
  type TranscriptHook,
  Translation,
} from '../support/transcript.ts';

/** Replays the requests that were recorded with Kanboard, and expects the recorded responses (golden/README.md). */

const HEADER = 'X-API-Auth';
const main = useApi();
const withHeader = useApi({ kanboardAuthHeader: HEADER }, () => Promise.resolve(main().database.connection));
const db = () => main().database.db;

const lines = readTranscript();
const differences = readDifferences();

test('the expected responses differ from the recorded ones only for quirks', () => {
  const differing = lines.filter((line) => 'kind' in line && differences.has(line.name)) as TranscriptCase[];
  expect(differing).toHaveLength(differences.size);
  for (const { name, kind, response } of differing) {
    expect([name, kind]).toEqual([name, 'quirk']);
    expect(differences.get(name)?.response).not.toMatchObject({ status: response.status, body: response.body });
  }
});

beforeAll(async () => {
  // Ids are unique in the whole database, so these links make them differ from the recorded ones.
  const org = await givenOrganisation(db(), { profile: 'kanboard' });
  const { key: queue } = await givenQueue(db(), org);
  await givenLink(db(), org, 'relates', await givenIssue(db(), org, queue), await givenIssue(db(), org, queue));
});

describe.each(['one organisation', 'another organisation on the same server'])('in %s', () => {
  let orgId: string;
  const translation = new Translation();
  /** The results of this server that later requests of the recording refer to. */
  const captured: Record<string, unknown> = {};

  beforeAll(async () => {
    ({ orgId } = await givenOrganisation(db(), { profile: 'kanboard' }));
    await createUser(db(), orgId, { login: 'admin', role: 'admin', password: 'admin' });
    await replaceAccountToken(db(), orgId, await getUserId(db(), orgId, APPLICATION_LOGIN), 'application', {
      value: 'test',
    });
  });

  test.each(lines)('$name', async (line) => {
    if ('hook' in line) {
      await runHook(line);
      return;
    }
    const { ours, expected } = await replay(line);
    expect(ours).toEqual(expected);
  });

  async function runHook({ hook }: TranscriptHook): Promise<void> {
    const [kind, login = '', value = ''] = hook.split(':');
    expect(kind).toBe('token');
    await replaceAccountToken(db(), orgId, await getUserId(db(), orgId, login), 'personal', { value });
  }

  async function replay({ name, server, request, captured: names, ...recorded }: TranscriptCase) {
    const response = differences.get(name)?.response ?? recorded.response;
    const { url } = server === 'hdr' ? withHeader() : main();
    const body = filledIn(request.body);
    const received = await sendExactly(url + request.path.replace('/jsonrpc.php', `/kanboard/${orgId}/jsonrpc.php`), {
      ...request,
      body,
    });
    const parsed = parseLossless(Buffer.from(received.body));
    for (const key of Object.keys(names)) captured[key] = (parsed as { result?: unknown } | undefined)?.result;
    // Compared as strings, so that the order of members counts, and by line, so that a failure shows the difference.
    expect(received.body === '' ? '' : stringifyLossless(parsed)).toBe(received.body);
    return {
      ours: {
        status: received.status,
        ...headersOf(received.headers),
        body: linesOf(translated(body, parsed, parseLossless(Buffer.from(response.body)))),
      },
      expected: {
        status: response.status,
        ...headersOf(response.headers),
        body: linesOf(parseLossless(Buffer.from(response.body))),
      },
    };
  }

  function filledIn(template: string): string {
    return template.replaceAll(/\$\{([\w.]+)\}/g, (_whole, path: string) => {
      const value = path
        .split('.')
        .reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], captured);
      return JSON.stringify(value ?? null);
    });
  }

  function translated(body: string, ours: unknown, recorded: unknown): unknown {
    const requests = expectedRequests(Buffer.from(body));
    const translatedOne = (response: unknown, expected: unknown, index: number) => {
      if (typeof response !== 'object' || response === null || !('result' in response)) return response;
      const { result } = (expected ?? {}) as { result?: unknown };
      return { ...response, result: translation.result(requests[index]?.method ?? '', response.result, result) };
    };
    if (!Array.isArray(ours)) return translatedOne(ours, recorded, 0);
    return ours.map((response, index) =>
      translatedOne(response, Array.isArray(recorded) ? recorded[index] : undefined, index),
    );
  }
});

function headersOf(headers: Readonly<Record<string, unknown>>): object {
  return { contentType: headers['content-type'], wwwAuthenticate: headers['www-authenticate'] };
}

/** The lines of JSON with one member a line; none for `undefined`. */
function linesOf(value: unknown): string[] {
  return value === undefined ? [] : JSON.stringify(value, undefined, 1).split('\n');
}
