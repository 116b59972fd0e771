// `npm run fuzz`: valid, nearly valid and hostile requests, generated from both contracts. No response may be a 5xx, or have a
// status or a body that its contract does not declare; the server's memory stays bounded, it goes on serving, and what it
// has stored keeps every rule.
import './typescript.js';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { requests } from './arbitraries.js';
import { closeConnections, forEach, send } from './client.js';
import { checkOrganisation, createOrganisation, openEnvironment, sendRest } from './environment.js';
import { openOrganisation } from './organisation.js';
import { runStress } from './run.js';

const PROFILES = { full: { requests: 20_000, perOrganisation: 500 }, quick: { requests: 400, perOrganisation: 200 } };
const AT_ONCE = 16;
const PROBLEMS_MAX = 25;
/** A server with little data has about 120 MB; the heap of a server that keeps something of each request passes this. */
const RSS_MB_MAX = 600;
const BODY_MAX = 2000;

const run = promisify(execFile);

async function rssOf({ pid }) {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Math.round(Number(stdout) / 1024);
}

/** Users of a new organisation, and names of what it holds. */
async function openTarget(environment, orgId) {
  const organisation = { ...environment, ...(await createOrganisation(environment.connection, orgId)) };
  const org = await openOrganisation(organisation);
  try {
    const [admin, member, reader, victim] = await org.createUsers(4, ['admin', 'member', 'reader', 'member']);
    await org.createVisible(admin);
    const { names, other } = admin.visible;
    const rpcPath = `/kanboard/${orgId}/jsonrpc.php`;
    const application = `Basic ${Buffer.from(`jsonrpc:${organisation.applicationToken}`).toString('base64')}`;
    const wrong = { Authorization: 'OAuth wrong', 'X-Org-ID': orgId };
    return {
      organisation,
      rpcPaths: [rpcPath, '/jsonrpc.php', '/kanboard/none/jsonrpc.php', `${rpcPath}/`],
      credentials: {
        rest: [admin.headers.rest, member.headers.rest, reader.headers.rest, wrong, {}],
        rpc: [admin.headers.rpc, { Authorization: application }, member.headers.rpc, { Authorization: 'Basic x' }],
      },
      names: namesOf(names, other.names, victim),
    };
  } finally {
    await org.close();
  }
}

function namesOf(names, other, victim) {
  const issues = [names.issueKey, other.issueKey, names.hexId];
  const tasks = [names.taskId, other.taskId];
  const queues = [names.queueKey, String(names.queueId)];
  const phrases = ['relates', 'depends on', 'is subtask for', 'duplicates', 'has epic', 'is parent task for'];
  return {
    issueId: issues,
    issue: issues,
    issues,
    parent: issues,
    epic: issues,
    keys: issues,
    linkId: [String(names.linkId)],
    entryId: [String(names.entryId)],
    remoteLinkId: [String(names.remoteLinkId)],
    objectId: [names.remoteObjectId],
    applicationId: ['com.github'],
    origin: ['com.github'],
    queue: queues,
    queueId: queues,
    linkTypeId: ['relates', 'depends', 'subtask'],
    relationship: phrases,
    linkTypes: phrases,
    statusId: ['open', '1'],
    status: ['open', 'closed', 'inProgress'],
    type: ['task', 'bug'],
    priority: ['normal', 'minor'],
    userId: [victim.login],
    user: [victim.login],
    // Any other could be that of the requests.
    tokenId: [victim.tokenId],
    expiresAt: ['2099-01-01T00:00:00.000+0000'],
    assignee: [victim.login],
    createdBy: [victim.login],
    updatedBy: [victim.login],
    createdAt: ['2017-06-11T05:16:01.421+0000', '2017-06-11'],
    order: ['-updated', '+key'],
    fields: ['summary', 'links', 'type'],
    expand: ['links'],
    query: ['Status: open', 'Queue: OPEN1 AND Assignee: me()', 'status:open', 'assignee:me tag:x'],
    TaskId: tasks,
    TaskLinkId: [2 * names.linkId - 1, 2 * names.linkId],
    LabelId: [1, 2, 3, 12],
    UserId: [victim.id],
    ProjectId: [names.queueId],
    owner_id: [victim.id, 0],
    creator_id: [victim.id, 0],
    link_id: [names.remoteLinkId],
    column_id: [names.columnId, 0],
    identifier: [names.queueKey],
    url: ['https://example.org/'],
    dependency: ['related'],
    providerName: ['weblink', 'auto'],
    username: [victim.login, 'new'],
    date_due: ['2030-01-31', '2030-01-31 10:00', 0, ''],
  };
}

/** The path without dot segments, as the server sees it; empty, which is no path of a contract, if it cannot be decoded. */
function resolved(path) {
  const { pathname } = new URL(`http://localhost${path}`);
  try {
    decodeURIComponent(pathname);
    return pathname;
  } catch {
    return '';
  }
}

function curlOf(url, { method, path, headers, body }) {
  const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
  const given = Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
  const data =
    body === undefined ? '' : ` --data-binary ${quote(body.length > BODY_MAX ? `${body.slice(0, BODY_MAX)}…` : body)}`;
  return `curl -i -X ${method} ${given.join(' ')}${data} ${quote(`${url}${path}`)}`;
}

/** Of the request line and the headers that are generated; the client adds some of its own. */
const HEAD_BYTES_MAX = 16_384 - 512;

/** Such a request reaches no operation: it is refused while its head is read. */
function isHeadTooLarge({ path, headers }) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return path.length + lines.join('').length > HEAD_BYTES_MAX;
}

function refusalOfHead(status, text) {
  const isRefused = status === 431 && JSON.parse(text).statusCode === 431;
  return isRefused ? [] : [`${status} for a head that is too large: ${text}`];
}

await runStress('fuzz', PROFILES, async ({ folder, seed, profile, progress }) => {
  const { ContractCheck } = await import('../test/support/contract-check.ts');
  const { loadContract } = await import('../src/contract/contract.ts');
  const { loadRpcContract } = await import('../src/contract/openrpc.ts');
  const environment = await openEnvironment({ folder, serverCount: 1 });
  const [server] = environment.servers;
  const check = new ContractCheck(loadContract('docs.json'), loadRpcContract());
  const statuses = {};
  const problems = [];
  const kinds = new Set();
  const report = (kind, problem) => {
    if (kinds.has(kind) || problems.length >= PROBLEMS_MAX) return;
    kinds.add(kind);
    problems.push(problem);
  };

  async function attack(request) {
    let response;
    try {
      response = await send(`${server.url}${request.path}`, request);
    } catch (error) {
      // A server may close the connection of a request that is too large before it has read all of it.
      if (request.body?.length > 1_000_000 && ['EPIPE', 'ECONNRESET'].includes(error.code)) return;
      report(`${error.code}`, `${error.message}: ${curlOf(server.url, request)}`);
      return;
    }
    const { status, headers, text } = response;
    statuses[status] = (statuses[status] ?? 0) + 1;
    const exchange = {
      method: request.method,
      url: resolved(request.path),
      requestBody: request.body === undefined ? undefined : Buffer.from(request.body),
      status,
      contentType: headers['content-type'],
      body: text,
    };
    let found;
    try {
      if (status >= 500) found = [`${status}: ${text}`];
      else if (isHeadTooLarge(request)) found = refusalOfHead(status, text);
      else found = check.problemsOf(exchange);
    } catch (error) {
      found = [`${status}: ${error.message}: ${text.slice(0, 500)}`];
    }
    for (const problem of found) {
      const kind = `${request.method} ${problem.slice(0, 40)}`;
      report(kind, `${problem.slice(0, 700)}\n    ${curlOf(server.url, request)}`);
    }
  }

  try {
    let done = 0;
    const orgIds = [];
    let rssMbBefore;
    let rssMbMax = 0;
    while (done < profile.requests) {
      const orgId = `fuzz${done}`;
      orgIds.push(orgId);
      const target = await openTarget(environment, orgId);
      const count = Math.min(profile.perOrganisation, profile.requests - done);
      await forEach(fc.sample(requests(target), { seed: seed + done, numRuns: count }), AT_ONCE, attack);
      done += count;
      const rssMb = await rssOf(server);
      rssMbBefore ??= rssMb;
      rssMbMax = Math.max(rssMbMax, rssMb);
      const usual = await sendRest(environment, server, 'GET', '/v2/linktypes');
      if (usual.status !== 200) report('usual', `After ${done} requests, a usual one returned ${usual.status}.`);
      progress(`${done} of ${profile.requests} requests, ${rssMb} MB`);
    }
    if (rssMbMax > RSS_MB_MAX) report('memory', `The server grew to ${rssMbMax} MB.`);
    const findings = [];
    for (const orgId of orgIds) findings.push(...(await checkOrganisation({ ...environment, orgId })));
    for (const finding of findings) report(finding, `issue-links check: ${finding}`);
    return { figures: { requests: done, statuses, rssMbBefore, rssMbMax, findings: findings.length }, problems };
  } finally {
    closeConnections();
    await environment.close();
  }
});
