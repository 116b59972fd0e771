import { beforeAll, describe, expect, test } from '@jest/globals';
import { APPLICATION_LOGIN } from '../../src/core/organisations/organisations.service.ts';
import { replaceAccountToken } from '../../src/core/tokens/tokens.service.ts';
import { createUser, getUserId } from '../../src/core/users/users.service.ts';
import { parseLossless, stringifyLossless } from '../../src/kanboard/rpc/json.ts';
import { useApi } from '../support/api.ts';
import { givenIssue, givenLink, givenOrganisation, givenQueue } from '../support/builders.ts';
import { sendExactly } from '../support/raw-request.ts';
import { askedIn } from '../support/rpc-contract-check.ts';
import {
  readDifferences,
  readTranscript,
  type TranscriptCase,
  type TranscriptHook,
  Translation,
} from '../support/transcript.ts';

/** Asks what Kanboard was asked, in the same order, and gets the same answers (golden/README.md). */

const HEADER = 'X-API-Auth';
const main = useApi();
const withHeader = useApi({ kanboardAuthHeader: HEADER }, () => Promise.resolve(main().database.connection));
const db = () => main().database.db;

const lines = readTranscript();
const differences = readDifferences();

test('only accidents differ', () => {
  const differing = lines.filter((line) => 'kind' in line && differences.has(line.name)) as TranscriptCase[];
  expect(differing).toHaveLength(differences.size);
  for (const { name, kind, response } of differing) {
    expect([name, kind]).toEqual([name, 'quirk']);
    expect(differences.get(name)?.response).not.toMatchObject({ status: response.status, body: response.body });
  }
});

beforeAll(async () => {
  // Numbers are those of the whole database, so here they are others than in the recording.
  const org = await givenOrganisation(db(), { profile: 'kanboard' });
  const { key: queue } = await givenQueue(db(), org);
  await givenLink(db(), org, 'relates', await givenIssue(db(), org, queue), await givenIssue(db(), org, queue));
});

describe.each(['one organisation', 'another one on the same server'])('in %s', () => {
  let orgId: string;
  const translation = new Translation();
  /** What this server has answered where the recording captures the result. */
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
      await doHook(line);
      return;
    }
    const { ours, expected } = await replay(line);
    expect(ours).toEqual(expected);
  });

  async function doHook({ hook }: TranscriptHook): Promise<void> {
    const [what, login = '', value = ''] = hook.split(':');
    expect(what).toBe('token');
    await replaceAccountToken(db(), orgId, await getUserId(db(), orgId, login), 'personal', { value });
  }

  async function replay({ name: ofCase, server, request, captured: names, ...recorded }: TranscriptCase) {
    const response = differences.get(ofCase)?.response ?? recorded.response;
    const { url } = server === 'hdr' ? withHeader() : main();
    const body = filledIn(request.body);
    const answer = await sendExactly(url + request.path.replace('/jsonrpc.php', `/kanboard/${orgId}/jsonrpc.php`), {
      ...request,
      body,
    });
    const parsed = parseLossless(Buffer.from(answer.body));
    for (const name of Object.keys(names)) captured[name] = (parsed as { result?: unknown } | undefined)?.result;
    // As text, so that the order of members counts; in lines, so that a difference is found.
    const said = { status: answer.status, ...headersOf(answer.headers) };
    const before = answer.body;
    expect(before === '' ? '' : stringifyLossless(parsed)).toBe(before);
    return {
      ours: { ...said, body: inLines(translated(body, parsed, parseLossless(Buffer.from(response.body)))) },
      expected: {
        status: response.status,
        ...headersOf(response.headers),
        body: inLines(parseLossless(Buffer.from(response.body))),
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
    const asked = askedIn(Buffer.from(body));
    const one = (answer: unknown, expected: unknown, index: number) => {
      if (typeof answer !== 'object' || answer === null || !('result' in answer)) return answer;
      const { result } = (expected ?? {}) as { result?: unknown };
      return { ...answer, result: translation.result(asked[index]?.method ?? '', answer.result, result) };
    };
    if (!Array.isArray(ours)) return one(ours, recorded, 0);
    return ours.map((answer, index) => one(answer, Array.isArray(recorded) ? recorded[index] : undefined, index));
  }
});

function headersOf(headers: Readonly<Record<string, unknown>>): object {
  return { contentType: headers['content-type'], wwwAuthenticate: headers['www-authenticate'] };
}

/** JSON with a member a line; of nothing, nothing. */
function inLines(value: unknown): string[] {
  return value === undefined ? [] : JSON.stringify(value, undefined, 1).split('\n');
}
