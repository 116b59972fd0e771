import { beforeAll, describe, expect, test } from '@jest/globals';
import { APPLICATION_LOGIN } from '../../src/features/organisations/organisations.service.ts';
import { replaceAccountToken } from '../../src/features/tokens/tokens.service.ts';
import { createUser, getUserId } from '../../src/features/users/users.service.ts';
import { parseLossless, stringifyLossless } from '../../src/rpc/json.ts';
import { useApi } from '../support/api.ts';
import { givenIssue, givenLink, givenOrganisation, givenQueue } from '../support/builders.ts';
import { sendExactly } from '../support/raw-request.ts';
import { askedIn } from '../support/rpc-contract-check.ts';
import { readTranscript, type TranscriptCase, type TranscriptHook, Translation } from '../support/transcript.ts';

/** Asks what Kanboard was asked, in the same order, and gets the same answers (golden/README.md). */

const HEADER = 'X-API-Auth';
const main = useApi();
const withHeader = useApi({ kanboardAuthHeader: HEADER }, () => Promise.resolve(main().database.connection));
const db = () => main().database.db;

/** Accidents of the original that are not repeated, and why. All others are. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'transport.options': 'Its Origin is that of another site, which is refused.',
  'transport.content-type-multipart': 'No content type makes a body unreadable.',
  'transport.path-info': 'There is nothing below the path.',
  'envelope.id-huge': 'An id comes back digit by digit, however large.',
  'envelope.method-upper-case': 'Names of methods match exactly.',
  'envelope.method-internal-beforeProcedure': 'Nothing but procedures can be called.',
  'envelope.method-internal-getClassName': 'Nothing but procedures can be called.',
  'auth.header.colon-in-password': 'A password may hold colons in that header, too.',
  'link.createLink.opposite-taken': 'A label whose opposite is taken is not made, so it is refused.',
  'link.updateLink.missing': 'A label that is missing cannot be changed.',
  'link.updateLink.opposite-missing': 'The opposite of a label is one that there is.',
  'link.updateLink.opposite-missing.readback': 'The opposite of a label is one that there is.',
  'ctl.self.blocks': 'No task is linked to itself.',
  'ctl.self.blocks.list': 'No task is linked to itself.',
  'ctl.self.blocks.undo': 'No task is linked to itself.',
  'ctl.bool': 'True is 1, and here that is no task of the organisation.',
  'ctl.bool.undo': 'True is 1, and here that is no task of the organisation.',
  'ctl.dangling-opposite.prepare': 'The opposite of a label is one that there is.',
  'ctl.dangling-opposite': 'So the label is sound, and the link is made.',
  'ctl.dangling-opposite.list': 'So the label is sound, and the link is made.',
  'ctl.dangling-opposite.undo-link': 'So the label is sound, and the link is made.',
  'gatl.as-viewer': 'Nothing is shown of a task in a project that is closed to the account.',
  'perm.get.foreign-side': 'Nothing is shown of a task in a project that is closed to the account.',
  'half.remove': 'A link can be removed whatever became of its labels.',
  'half.remove.readback': 'A link can be removed whatever became of its labels.',
  'half.update': 'The link was removed.',
  'half.update.list-c': 'The link was removed.',
  'half.update.list-d': 'The link was removed.',
  'half.orphan.list-c': 'What is refused stores nothing, and the link before it was removed.',
  'half.orphan.list-d': 'What is refused stores nothing, and the link before it was removed.',
  'half.remove-label.list-c': 'The link before it was removed.',
  'half.remove-label.list-d': 'Both ends of a link go with its label.',
  'half.remove-default-label.list-g': 'Both ends of a link go with its label.',
};

const lines = readTranscript();

test('only accidents differ', () => {
  const accidents = lines.flatMap((line) => ('kind' in line && line.kind === 'quirk' ? [line.name] : []));
  expect(accidents).toEqual(expect.arrayContaining(Object.keys(DIFFERENT)));
});

beforeAll(async () => {
  // Numbers are those of the whole database, so here they are others than in the recording.
  const org = await givenOrganisation(db(), { profile: 'kanboard' });
  const queue = await givenQueue(db(), org);
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
    const { ours, recorded } = await replay(line);
    if (line.name in DIFFERENT) expect(ours).not.toEqual(recorded);
    else expect(ours).toEqual(recorded);
  });

  async function doHook({ hook }: TranscriptHook): Promise<void> {
    const [what, login = '', value = ''] = hook.split(':');
    expect(what).toBe('token');
    await replaceAccountToken(db(), orgId, await getUserId(db(), orgId, login), 'personal', { value });
  }

  async function replay({ server, request, response, captured: names }: TranscriptCase) {
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
      recorded: {
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
