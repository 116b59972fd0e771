// `npm run leaks`: users against private issues, through every operation of both contracts. Each request is sent with the name
// of a hidden thing and with a name that nothing has, wherever a request can hold a name. No byte of what is hidden may come
// back, and the two responses must be the same. The owner of a private queue sends the same requests, which shows that they
// would find something.
import { seededRandom } from '../bench/random.js';
import { closeConnections, forEach, send } from './client.js';
import { loadOperations } from './contracts.js';
import { openEnvironment } from './environment.js';
import { openOrganisation } from './organisation.js';
import { runStress } from './run.js';

const PROFILES = {
  full: {
    users: 20,
    issuesPerUser: 25,
    issuesToWrite: 5,
    kindsPerPlace: 6,
    writesIn: 1,
    lanes: 16,
    outsiders: 3,
    readers: 8,
    sweepMs: 120_000,
  },
  quick: {
    users: 2,
    issuesPerUser: 2,
    issuesToWrite: 1,
    kindsPerPlace: 1,
    writesIn: 4,
    lanes: 4,
    outsiders: 1,
    readers: 1,
    sweepMs: 1500,
  },
};
const ROLES = ['admin', 'manager', 'member', 'reader'];
const AT_ONCE = 16;
const PROBLEMS_MAX = 40;

/**
 * Differences that were decided on. Each needs its reason; a request that they explain is still searched for what is hidden,
 * unless `shows` says that the contract shows it.
 */
const DECIDED = [
  {
    operations: ['createQueue', 'createProject', 'updateProject'],
    kinds: ['queueKey'],
    reason:
      'Keys of queues are unique in the organisation: to those who may give a queue one, a key that is taken is refused.',
  },
  {
    operations: ['getAllProjects'],
    shows: true,
    reason: 'openrpc.yaml: administrators list all projects, including those that only their members can see.',
  },
  {
    operations: ['listIssueChanges'],
    kinds: ['entryId'],
    reason: 'The parameter `id` is a position: it is compared by size, whether an entry has this id or not.',
  },
];

/** What a name in a request is called, and which of a thing's names it is. */
const KIND_OF_NAME = {
  issueId: 'issueKey',
  linkId: 'linkId',
  entryId: 'entryId',
  remoteLinkId: 'remoteLinkId',
  commentId: 'commentId',
  comment_id: 'commentId',
  input: 'issueKey',
  objectId: 'remoteObjectId',
  queueId: 'queueKey',
  queue: 'queueKey',
  unique: 'unique',
  task_id: 'taskId',
  task_link_id: 'viewId',
  project_id: 'queueId',
  column_id: 'columnId',
  project_ids: 'queueId',
  swimlane_id: 'queueId',
  tag_id: 'tagId',
  tag: 'tag',
  name: 'queueName',
  identifier: 'queueKey',
  reference: 'reference',
  issue: 'issueKey',
  issues: 'issueKey',
  keys: 'issueKey',
  parent: 'issueKey',
  epic: 'issueKey',
  opposite_task_id: 'taskId',
};
/** The same for a parameter `id`. */
const KIND_OF_ID = { updateTask: 'taskId', updateComment: 'commentId' };
/** Its body may have any members, and it acts upon none. */
const WITHOUT_EFFECT = 'clearSearchScroll';
const NUMBERS = new Set([
  'taskId',
  'queueId',
  'columnId',
  'linkId',
  'viewId',
  'entryId',
  'remoteLinkId',
  'commentId',
  'tagId',
]);
const QUERIES = {
  rest: ['Queue', 'Key', 'Parent', 'Epic', 'Linked to', 'Relates', 'Summary', 'Description', 'Tags'],
  rpc: ['title', 'description', 'tag', 'tags', 'reference', 'link', 'project', 'column', 'id', 'ref'],
};

class Leaks {
  #org;
  #random;
  #progress;
  #operations = loadOperations();
  #owners = new Map();
  #problems = [];
  #seen = new Set();
  /** Strings and numbers that outsiders have themselves written where others see them. */
  #published = new Set();
  #figures = { requests: 0, bytes: 0, operations: this.#operations.length, places: 0 };
  #excused = {};
  #fresh = 0;

  constructor(org, random, progress) {
    this.#org = org;
    this.#random = random;
    this.#progress = progress;
    this.#figures.places = this.#operations.reduce((sum, { places }) => sum + places.length, 0);
  }

  report() {
    return { figures: { ...this.#figures, decided: this.#excused }, problems: this.#problems };
  }

  /** Reads first: a write may store, where everybody sees it, the name that it was sent with. */
  async run(profile) {
    const users = await this.#org.createUsers(profile.users, ROLES);
    await forEach(users, 4, async (user) => {
      await this.#org.createVisible(user);
    });
    await this.#org.separateIds();
    const probes = this.#probes(profile);
    this.#figures.probes = probes.length;
    const [reads, writes] = [true, false].map((isRead) =>
      probes.filter(({ operation }) => operation.isRead === isRead),
    );
    let hidden = await this.#hide(users, profile.issuesPerUser);
    this.#figures.users = users.length;
    this.#figures.privateIssues = hidden.length;
    this.#progress(`${users.length} users, ${hidden.length} private issues`);

    await this.#discover(reads, profile);
    this.#progress(`${reads.filter(({ isNaming }) => isNaming).length} of ${reads.length} reads name something`);
    await this.#sweepReads(reads, users, hidden, profile);
    this.#progress(`${this.#figures.readPairs} reads compared`);
    await this.#plant(reads, users, hidden);
    await this.#removeHidden(users, hidden, profile);
    this.#progress(`${this.#figures.ordinaryReads} reads compared with those when nothing is hidden`);

    hidden = await this.#hide(users, profile.issuesToWrite);
    const before = await this.#org.dump(hidden);
    await this.#discover(writes, profile);
    await this.#sweepWrites(writes, users, hidden, profile);
    this.#progress(`${this.#figures.writePairs} writes compared`);
    if ((await this.#org.dump(hidden)) !== before) this.#problem('A request of an outsider changed something hidden.');
    this.#checkCoverage(probes);
  }

  async #hide(users, issuesPerUser) {
    const hidden = [];
    await forEach(users, 4, async (user) => {
      hidden.push(...(await this.#org.createHidden(user, issuesPerUser)));
    });
    for (const thing of hidden) this.#own(thing);
    return hidden;
  }

  /** Remembers whose are the strings and numbers of a thing. */
  #own(thing) {
    for (const value of thing.secrets) this.#owners.set(String(value), thing.owner);
  }

  /** Each place with each kind of name, alone and together with the other names of the same thing. */
  #probes({ kindsPerPlace, writesIn }) {
    const operations = this.#operations.filter(({ isRead }) => isRead || this.#random.below(writesIn) === 0);
    return operations.flatMap((operation) =>
      operation.places.flatMap((place) => {
        const own = KIND_OF_NAME[place.name] ?? (place.name === 'id' ? KIND_OF_ID[operation.id] : undefined);
        const others = Object.keys(this.#org.missingThing().names).filter(
          (kind) => kind !== own && (place.isText || NUMBERS.has(kind)),
        );
        const kinds = [...(own ? [own] : []), ...this.#random.permutation(others.length).map((at) => others[at])];
        const limited = kinds.slice(0, operation.isRead || own ? kindsPerPlace : kindsPerPlace - 1);
        const probes = limited.flatMap((kind) =>
          (kindsPerPlace === 1 && place.in === 'body' ? [false] : [false, true]).map((together) => ({
            operation,
            place,
            kind,
            together,
            toValue: (value) => value,
          })),
        );
        if (place.name === 'query') {
          for (const field of QUERIES[operation.api]) {
            for (const kind of ['issueKey', 'queueKey', 'queueName', 'summary', 'tag', 'reference']) {
              const toValue = (value) => `${field}: ${operation.api === 'rest' ? JSON.stringify(value) : `"${value}"`}`;
              probes.push({ operation, place, kind, together: false, toValue, query: field });
            }
          }
        }
        return probes.map((probe) => ({ ...probe, isOwn: own === probe.kind && place.name !== 'name' }));
      }),
    );
  }

  /** Finds the probes that name something, with things of the user's own. A write gets new ones once it has changed some. */
  async #discover(probes, { lanes: number }) {
    const owners = await this.#org.createUsers(number, ['admin']);
    const lanes = owners.map(() => []);
    for (const operation of this.#operations) {
      const own = probes.filter((probe) => probe.operation === operation);
      lanes.sort((left, right) => left.length - right.length)[0].push(...own);
    }
    await forEach(owners.keys(), number, async (lane) => {
      const user = owners[lane];
      await this.#org.createVisible(user);
      let [thing] = await this.#hide([user], 1);
      let last;
      for (const probe of lanes[lane]) {
        if (!probe.operation.isRead && probe.operation !== last) await this.#org.createVisible(user);
        last = probe.operation;
        const found = await this.#describe(probe, user, thing);
        const none = await this.#describe(probe, user, this.#org.missingThing());
        probe.isNaming = found.text !== none.text;
        probe.shows = found.hasSecrets;
        if (probe.isNaming && !probe.operation.isRead) [thing] = await this.#hide([user], 1);
      }
    });
  }

  /** Every operation whose parameters are called like the names of hidden things must find those of its user. */
  #checkCoverage(probes) {
    const naming = probes.filter(({ isNaming }) => isNaming);
    const operations = new Set(naming.map(({ operation }) => operation));
    for (const { operation } of probes.filter(({ isOwn }) => isOwn)) {
      if (!operations.has(operation) && operation.id !== WITHOUT_EFFECT)
        this.#problem(`No request of ${operation.id} finds what its user may see.`);
    }
    this.#figures.namingProbes = naming.length;
    this.#figures.namingOperations = operations.size;
    this.#figures.showingOperations = new Set(
      naming.filter(({ shows }) => shows).map(({ operation }) => operation),
    ).size;
  }

  async #sweepReads(reads, users, hidden, { sweepMs }) {
    const missing = this.#org.missingThing();
    const naming = reads.filter((probe) => probe.isNaming);
    const known = new Map();
    let pairs = 0;
    const compare = async ([user, thing, probe]) => {
      const key = `${user.login} ${reads.indexOf(probe)}`;
      if (!known.has(key)) known.set(key, this.#describe(probe, user, missing));
      const none = await known.get(key);
      const found = await this.#describe(probe, user, thing, true);
      if (found.text !== none.text) await this.#confirm(probe, user, thing, missing);
      pairs += 1;
    };
    const meetings = users.flatMap((user) => hidden.filter(isHiddenFrom(user)).map((thing) => [user, thing]));
    const meet = (probe) => [...this.#random.pick(meetings), probe];
    await forEach(reads.filter((probe) => !probe.isNaming).map(meet), AT_ONCE, compare);
    this.#progress(`${pairs} reads that name nothing compared`);
    // Each round, every user meets every private issue, each time through another probe.
    let met = 0;
    const random = this.#random;
    const rounds = function* () {
      for (;;) {
        for (const at of random.permutation(meetings.length)) {
          met += 1;
          yield [...meetings[at], naming[met % naming.length]];
        }
      }
    };
    const end = performance.now() + sweepMs;
    await forEach(rounds(), AT_ONCE, compare, () => performance.now() > end);
    this.#figures.readPairs = pairs;
    this.#figures.meetings = meetings.length;
    this.#figures.rounds = Number((met / meetings.length).toFixed(2));
  }

  async #sweepWrites(writes, users, hidden, { outsiders }) {
    let pairs = 0;
    await forEach(users.keys(), users.length, async (place) => {
      const user = users[place];
      const others = hidden.filter(isHiddenFrom(user));
      let last;
      for (const probe of writes) {
        const isPicked = probe.isNaming
          ? this.#random.below(users.length) < outsiders
          : this.#random.below(users.length) === 0;
        if (!isPicked || others.length === 0) continue;
        if (last !== probe.operation) {
          await this.#org.createVisible(user);
          last = probe.operation;
        }
        pairs += 1;
        const thing = this.#random.pick(others);
        const found = await this.#describe(probe, user, thing, true);
        const missing = this.#org.missingThing();
        const none = await this.#describe(probe, user, missing);
        if (found.text === none.text) continue;
        // The first requests may have changed something: a leak shows with other names as well, also with one that no outsider
        // has stored where others see it, and where a search then finds it.
        const secret = others.filter(({ names }) => !this.#published.has(names[probe.kind]));
        if (secret.length > 0) await this.#confirm(probe, user, this.#random.pick(secret), this.#org.missingThing());
        await this.#org.createVisible(user);
      }
    });
    this.#figures.writePairs = pairs;
  }

  /** The first of two requests may change what the second finds: a difference counts if it is there in the other order too. */
  async #confirm(probe, user, thing, missing) {
    if (!probe.operation.isRead) await this.#org.createVisible(user);
    const none = await this.#describe(probe, user, missing);
    if (!probe.operation.isRead) await this.#org.createVisible(user);
    const found = await this.#describe(probe, user, thing, true);
    if (found.text === none.text) return;
    const decided = DECIDED.find(
      ({ operations, kinds, shows }) =>
        operations.includes(probe.operation.id) && (shows || kinds.includes(probe.kind)),
    );
    if (decided) {
      this.#excused[probe.operation.id] = decided.reason;
      return;
    }
    this.#problem(
      `${nameOf(probe)} as ${user.role}: ${found.request} → ${found.text.slice(0, 400)} but ${none.text.slice(0, 400)}`,
      nameOf(probe),
    );
  }

  /** Opens a private queue to everybody, and finds what the sweep reports then. */
  async #plant(probes, users, hidden) {
    const [user] = users;
    const missing = this.#org.missingThing();
    const thing = hidden.find(isHiddenFrom(user));
    const problems = this.#problems;
    this.#problems = [];
    const undo = await this.#org.open(thing);
    for (const probe of probes.filter(({ isNaming }) => isNaming)) {
      const found = await this.#describe(probe, user, thing, true);
      const none = await this.#describe(probe, user, missing);
      if (found.text !== none.text) await this.#confirm(probe, user, thing, missing);
    }
    const planted = this.#problems.length;
    this.#problems = problems;
    this.#seen.clear();
    await undo();
    this.#figures.plantedLeaksFound = planted;
    if (planted === 0) this.#problem('A leak that was planted is not found.');
  }

  /** What users read without naming anything hidden is the same, byte by byte, once everything hidden is removed. */
  async #removeHidden(owners, hidden, { readers }) {
    const users = await this.#org.createUsers(readers, ROLES);
    // Visible things that hidden ones are linked to.
    for (const [place, user] of users.entries()) user.visible = owners[place % owners.length].visible;
    const readAll = async () => {
      const texts = new Map();
      await forEach(users, 4, async (user) => {
        for (const [label, request] of this.#ordinaryReads(user)) {
          const response = await this.#send(request, user);
          this.#search(
            response,
            request,
            user,
            label,
            DECIDED.some(({ operations, shows }) => shows && operations.includes(label)),
          );
          const { date: _date, 'x-request-id': _id, ...headers } = response.headers;
          texts.set(
            `${label} as ${user.login}`,
            JSON.stringify({ status: response.status, headers, text: response.text }),
          );
        }
      });
      return texts;
    };
    const before = await readAll();
    await this.#org.remove(hidden);
    const after = await readAll();
    this.#figures.ordinaryReads = before.size;
    for (const [label, text] of before) {
      const decided = DECIDED.find(
        ({ operations, shows }) => shows && operations.some((id) => label.startsWith(`${id} `)),
      );
      if (text === after.get(label)) continue;
      if (decided) this.#excused[label.split(' ')[0]] = decided.reason;
      else
        this.#problem(
          `${label} differs once nothing is hidden: ${difference(text, after.get(label))}`,
          label.split(' as ')[0],
        );
    }
  }

  /** Every reading operation about visible things; searches in each order, and by small pages. */
  *#ordinaryReads(user) {
    const { visible } = user;
    for (const operation of this.#operations.filter(({ isRead, id }) => isRead && id !== 'getVersion')) {
      yield [operation.id, this.#request(operation, this.#valuesOf(visible, visible))];
      for (const place of operation.places) {
        if (place.name === 'order') {
          for (const field of [
            'key',
            'parent',
            'epic',
            'updated',
            'created',
            'status',
            'queue',
            'version',
            'summary',
          ]) {
            for (const sign of ['+', '-']) {
              const values = this.#valuesOf(visible, visible);
              yield [`${operation.id} ${sign}${field}`, this.#request(operation, values, place, `${sign}${field}`)];
            }
          }
        } else if (/page/i.test(place.name)) {
          for (const number of [1, 2, 3]) {
            const values = this.#valuesOf(visible, visible);
            yield [`${operation.id} ${place.name} ${number}`, this.#request(operation, values, place, number)];
          }
        } else if (place.name === 'query') {
          for (const query of [
            'Parent: empty()',
            'Epic: notEmpty()',
            'Relates: empty()',
            'link:"relates to"',
            'status:open',
          ]) {
            const values = this.#valuesOf(visible, visible);
            yield [`${operation.id} ${query}`, this.#request(operation, values, place, query)];
          }
        }
      }
    }
  }

  /** Sends a probe that names the thing. The result has its text with the thing's own names replaced, and no ids of new things. */
  async #describe({ operation, place, kind, together, toValue }, user, thing, isHidden = false) {
    const values = this.#valuesOf(together ? thing : user.visible, user.visible);
    const request = this.#request(operation, values, place, toValue(thing.names[kind]));
    const response = await this.#send(request, user);
    if (isHidden) this.#search(response, request, user, nameOf({ operation, place, kind }));
    if (!operation.isRead && response.status < 300 && !/"result":(false|null)/.test(response.text)) {
      for (const token of tokensOf(request.body ?? '')) this.#published.add(token);
    }
    const { date: _date, 'x-request-id': _id, ...headers } = response.headers;
    let text = JSON.stringify({ status: response.status, headers, text: response.text });
    for (const [name, value] of thing.replaceable) {
      // The id of a new link type is its label in lower case.
      for (const written of [value, value.toLowerCase()]) text = text.replaceAll(written, `<${name}>`);
    }
    // The length and the hash of a body that repeats a name depend on it.
    if (/<\w+>/.test(text)) text = text.replace(/"(etag|content-length)":"([^"\\]|\\.)*"/g, '');
    if (!operation.isRead)
      text = text.replace(/"(etag|content-length)":"([^"\\]|\\.)*",?/g, '').replace(/[0-9a-f]{20,}|\d+/g, '0');
    const hasSecrets = tokensOf(response.text).some((token) => this.#owners.get(token) === user);
    return { text, request: `${request.method} ${request.path} ${request.body ?? ''}`, hasSecrets };
  }

  /** Reports what is hidden from the user in a response, unless the request itself contains it. */
  #search({ status, headers, text }, request, user, label, isDecided = false) {
    const sent = new Set(tokensOf(`${decodeURIComponent(request.path)} ${request.body ?? ''}`));
    for (const token of tokensOf(`${JSON.stringify(headers)} ${text}`)) {
      const owner = this.#owners.get(token);
      if (owner === undefined || owner === user || sent.has(token) || this.#published.has(token)) continue;
      if (isDecided) this.#excused[label] = DECIDED.find(({ operations }) => operations.includes(label)).reason;
      else
        this.#problem(
          `${label} as ${user.role} shows ${token}: ${request.path} → ${status} ${text.slice(0, 300)}`,
          label,
        );
    }
  }

  /** What to put where a request needs a value: names of `thing`, and whatever is valid elsewhere. */
  #valuesOf(thing, visible) {
    const { names } = thing;
    const other = visible.other.names;
    const fresh = () => {
      this.#fresh += 1;
      return `FR${String(this.#fresh).padStart(8, '0')}`;
    };
    return (property, { schemaName }) => {
      switch (schemaName === 'LabelId' ? 'label_id' : property) {
        case 'issueId':
        case 'input':
          return names.issueKey;
        case 'issue':
        case 'issues':
        case 'parent':
          return property === 'issues' ? [other.issueKey] : other.issueKey;
        case 'opposite_task_id':
          return other.taskId;
        case 'id':
        case 'task_id':
          return names.taskId;
        case 'task_link_id':
          return names.viewId;
        case 'linkId':
          return String(names.linkId);
        case 'entryId':
        case 'remoteLinkId':
        case 'commentId':
          return String(names[property]);
        case 'comment_id':
          return names.commentId;
        case 'objectId':
          return names.remoteObjectId;
        case 'applicationId':
        case 'origin':
          return 'com.github';
        case 'queue':
        case 'queueId':
        case 'identifier':
          return names.queueKey;
        case 'project_id':
        case 'swimlane_id':
          return names.queueId;
        case 'column_id':
          return names.columnId;
        case 'tag_id':
          return names.tagId;
        case 'link_id':
          return names.remoteLinkId;
        case 'label_id':
          return 1;
        case 'opposite_link_id':
          return 0;
        case 'reference':
        case 'unique':
          return names[property];
        case 'linkTypeId':
        case 'relationship':
          return 'relates';
        case 'createdAt':
          return '2017-06-11T05:16:01.421+0000';
        case 'createdBy':
        case 'userId':
          return this.#org.bystander.login;
        case 'user_id':
          // Administrators may add themselves to any project.
          return this.#org.bystander.id;
        case 'ru':
        case 'en':
        case 'label':
        case 'username':
        case 'key':
          return fresh();
        case 'dependency':
          return 'related';
        case 'url':
          return 'https://example.org/';
        case 'providerName':
          return 'weblink';
        case 'query':
          return 'status:open';
        case 'password':
          return 'password';
        default:
          return undefined;
      }
    };
  }

  #request(operation, values, place, value) {
    const isHere = (name, location) => place?.in === location && place.steps[0] === name;
    if (operation.api === 'rpc') {
      const params = {};
      for (const { name, schema, required } of operation.params) {
        if (isHere(name, 'params')) params[name] = place.wrap(value, values);
        else if (required) params[name] = operation.sample(schema, name, values);
      }
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: operation.id, params });
      return { api: 'rpc', method: 'POST', path: this.#org.rpcPath, body };
    }
    const query = [];
    let { path } = operation;
    for (const { name, in: location, schema, required } of operation.parameters) {
      if (location === 'header') continue;
      const here = isHere(name, location);
      if (!here && !required) continue;
      const given = here ? value : operation.sample(schema, name, values);
      if (location === 'path') path = path.replace(`{${name}}`, encodeURIComponent(given));
      else query.push(`${name}=${encodeURIComponent(given)}`);
    }
    const content =
      place?.in === 'body'
        ? place.wrap(value, values)
        : operation.body && operation.sample(operation.body, undefined, values);
    return {
      api: 'rest',
      method: operation.method,
      path: `/v3${path}${query.length > 0 ? `?${query.join('&')}` : ''}`,
      ...(content !== undefined && { body: JSON.stringify(content) }),
    };
  }

  async #send(request, user) {
    const response = await send(`${this.#org.url}${request.path}`, {
      method: request.method,
      headers: user.headers[request.api],
      body: request.body,
    });
    this.#figures.requests += 1;
    this.#figures.bytes += response.text.length;
    if (response.status >= 500 || response.status === 429) {
      this.#problem(
        `${request.method} ${request.path} ${request.body} returned ${response.status}: ${response.text}`,
        request.path,
      );
    }
    return response;
  }

  #problem(problem, key = problem) {
    if (this.#seen.has(key) || this.#problems.length >= PROBLEMS_MAX) return;
    this.#seen.add(key);
    this.#problems.push(problem);
  }
}

const isHiddenFrom = (user) => (thing) => thing.owner !== user;

const nameOf = ({ operation, place, kind, query = '' }) => `${operation.id} ${place.label} ${query}(${kind})`;

/** What can be a name: words with digits, keys of issues and queues, ids. */
const tokensOf = (text) => text.match(/[A-Za-z0-9]+(?:-\d+)?/g)?.flatMap((token) => [token, token.split('-')[0]]) ?? [];

function difference(one, other) {
  let at = 0;
  while (one[at] === other[at]) at += 1;
  return `"${one.slice(Math.max(0, at - 80), at + 80)}" and "${other.slice(Math.max(0, at - 80), at + 80)}"`;
}

await runStress('leaks', PROFILES, async ({ folder, seed, profile, progress }) => {
  const environment = await openEnvironment({ folder, serverCount: 1 });
  try {
    const org = await openOrganisation(environment);
    try {
      const leaks = new Leaks(org, seededRandom(seed), progress);
      await leaks.run(profile);
      return leaks.report();
    } finally {
      await org.close();
    }
  } finally {
    closeConnections();
    await environment.close();
  }
});
