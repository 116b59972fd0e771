// `npm run postman` generates the Postman collection and environment from openapi.yaml and openrpc.yaml; with `--check` it
// only reports files that are out of date. openapi-to-postmanv2 converts the requests. This script adds authorisation,
// variables, tests, stable ids, and an order in which every request succeeds on a fresh demo.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { load } from 'js-yaml';
import converter from 'openapi-to-postmanv2';
import { bothApis } from './contracts.js';

/** Explicit orders, for folders that repeat operations. Operations not listed come first. */
const ORDERS = {
  links: [
    'createIssueLink',
    'listIssueLinks',
    'listIssueLinksPage',
    'searchIssueLinks',
    'getIssueLink',
    'updateIssueLink',
    'deleteIssueLink',
    'importIssueLink',
    'deleteIssueLink',
  ],
};

/**
 * Additions to an operation's example in openapi.yaml: members of the `body`, values of optional `parameters`, and
 * variables to set (`keep`) from the `response` or from the body that was `sent`.
 */
const DETAILS = {
  // Keys are never reused, so this one must be random: Postman has a dynamic variable of sixteen digits.
  createQueue: { body: { key: 'Q{{$randomBankAccount}}{{$randomBankAccount}}' } },
  // The response does not contain `unique`.
  createIssue: { body: { unique: '{{$guid}}' }, keep: { unique: 'sent.unique' } },
  findIssueByUnique: { parameters: { unique: '{{unique}}' } },
  listIssueChanges: { keep: { entryId: 'response[0].id' } },
  importIssueLink: { keep: { linkId: 'response.id' } },
  // The example would disable a rule of the demo.
  updateOrganization: { body: { oneLinkPerPair: true } },
  createRemoteLink: { keep: { objectId: 'response.object.id', applicationId: 'response.object.application.id' } },
  // The one that is revoked last.
  rotateToken: { keep: { tokenId: 'response.id' } },
  updateIssuesInBulk: { keep: { bulkChangeId: 'response.id' } },
  // The id would be taken the second time.
  createApplication: { body: { id: 'com.example.{{$guid}}' } },
};

/**
 * The calls of the Kanboard API, in order. `params` replace those of the example in openrpc.yaml, and `keep` is the variable
 * that stores the result. Objects are created before they are read and removed, so every call succeeds on a fresh demo.
 */
const CALLS = [
  { method: 'getVersion' },
  { method: 'getAllLinks' },
  {
    method: 'createTaskLink',
    params: { task_id: '{{taskId}}', opposite_task_id: '{{oppositeTaskId}}' },
    keep: 'taskLinkId',
  },
  { method: 'getTaskLinkById', params: { task_link_id: '{{taskLinkId}}' } },
  { method: 'getAllTaskLinks', params: { task_id: '{{taskId}}' } },
  {
    method: 'updateTaskLink',
    params: {
      task_link_id: '{{taskLinkId}}',
      task_id: '{{taskId}}',
      opposite_task_id: '{{oppositeTaskId}}',
    },
  },
  { method: 'removeTaskLink', params: { task_link_id: '{{taskLinkId}}' } },
  {
    method: 'createExternalTaskLink',
    params: { task_id: '{{taskId}}' },
    keep: 'externalTaskLinkId',
  },
  { method: 'getAllExternalTaskLinks', params: { task_id: '{{taskId}}' } },
  {
    method: 'removeExternalTaskLink',
    params: { task_id: '{{taskId}}', link_id: '{{externalTaskLinkId}}' },
  },
  { method: 'getTask', params: { task_id: '{{taskId}}' } },
  { method: 'getAllProjects' },
];

/** Calls without parameters, sent as a batch to the organisation in the path. */
const BATCH = ['getVersion', 'getTimezone', 'getAllLinks'];

/** Two issues of the demo that are not linked, and ids that calls replace. */
const TASKS = { taskId: '12', oppositeTaskId: '20', taskLinkId: '1', externalTaskLinkId: '1' };

const SETTINGS = {
  baseUrl: 'http://127.0.0.1:8080',
  version: 'v2',
  token: 'demo-token',
  adminToken: 'demo-admin-token',
  applicationToken: 'demo-token',
  orgId: '1',
};

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const ROOT = new URL('../', import.meta.url);
const FOLDER = new URL('postman/', ROOT);

const contract = bothApis();
const rpcContract = load(readFileSync(new URL('openrpc.yaml', ROOT), 'utf8'));
const operations = readOperations();
for (const id of [...Object.values(ORDERS).flat(), ...Object.keys(DETAILS)]) {
  if (!operations.has(id)) throw new Error(`${id} is not an operation of openapi.yaml.`);
}
const files = {
  'issue-links.postman_collection.json': await createCollection(),
  'issue-links.postman_environment.json': createEnvironment(),
};

if (process.argv.includes('--check')) check();
else write();

function write() {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(new URL(name, FOLDER), format(content));
}

function check() {
  const stale = Object.entries(files).filter(([name, content]) => readIfPresent(name) !== format(content));
  for (const [name] of stale) process.stderr.write(`postman/${name} is out of date: run "npm run postman".\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
}

function readIfPresent(name) {
  try {
    return readFileSync(new URL(name, FOLDER), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function format(content) {
  return `${JSON.stringify(content, null, 2)}\n`;
}

async function createCollection() {
  const converted = await convert();
  const items = itemsById(converted);
  const folders = converted.item
    .filter(({ item }) => item.length > 0)
    .map((folder) => ({
      name: folder.name,
      description: folder.description,
      item:
        folder.name === 'kanboard'
          ? [...CALLS.map((call) => toCall(call, items)), toBatch(items)]
          : stepsOf(folder).map((step) => toRequest(step, items)),
    }));
  return {
    info: {
      _postman_id: idOf('collection'),
      name: contract.info.title,
      description: contract.info.description,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    auth: authorization('token'),
    variable: Object.entries({ ...SETTINGS, ...pathVariables(items), ...TASKS }).map(([key, value]) => ({
      key,
      value,
    })),
    item: folders,
  };
}

function authorization(variable) {
  return {
    type: 'apikey',
    apikey: [
      { key: 'key', value: 'Authorization', type: 'string' },
      { key: 'value', value: `OAuth {{${variable}}}`, type: 'string' },
      { key: 'in', value: 'header', type: 'string' },
    ],
  };
}

function createEnvironment() {
  return {
    id: idOf('environment'),
    name: `${contract.info.title}: demo`,
    values: Object.entries(SETTINGS).map(([key, value]) => ({
      key,
      value,
      type: /token/i.test(key) ? 'secret' : 'default',
      enabled: true,
    })),
    _postman_variable_scope: 'environment',
  };
}

async function convert() {
  const options = {
    folderStrategy: 'Tags',
    parametersResolution: 'Example',
    enableOptionalParameters: false,
    includeAuthInfoInExample: false,
    alwaysInheritAuthentication: true,
  };
  const { result, reason, output } = await new Promise((resolve, reject) => {
    converter.convertV2({ type: 'json', data: contract }, options, (error, conversion) =>
      error ? reject(error) : resolve(conversion),
    );
  });
  if (!result) throw new Error(`openapi.yaml cannot be converted: ${reason}`);
  return output[0].data;
}

/** The operations of the contract by operationId. */
function readOperations() {
  return new Map(
    Object.entries(contract.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => {
        const { operationId, tags, responses, servers = item.servers, security = contract.security } = item[method];
        const successes = Object.keys(responses).filter((status) => status.startsWith('2'));
        const scope = security[0]?.oauth?.[0];
        return [operationId, { path, method, tag: tags[0], servers, scope, successes, responses }];
      }),
    ),
  );
}

/** The converter's requests by operationId, which its output lacks. */
function itemsById(converted) {
  const byRequest = new Map(
    converted.item
      .flatMap(({ item }) => item)
      .map((item) => [
        `${item.request.method} ${item.request.url.path.map((step) => step.replace(/^:(.*)/, '{$1}')).join('/')}`,
        item,
      ]),
  );
  return new Map(
    [...operations].map(([id, { path, method }]) => {
      const item = byRequest.get(`${method.toUpperCase()} ${path.slice(1)}`);
      if (item === undefined) throw new Error(`The converter dropped ${id}.`);
      return [id, item];
    }),
  );
}

/** The operations of a folder in the order of a run: first those that create something, last those that delete it. */
function stepsOf({ name }) {
  const ordered = ORDERS[name] ?? [];
  const unordered = [...operations].filter(([id, { tag }]) => tag === name && !ordered.includes(id)).map(([id]) => id);
  return [...unordered.sort((left, right) => rank(left) - rank(right)), ...ordered].map((id, index, steps) => ({
    id,
    time: steps.slice(0, index).filter((earlier) => earlier === id).length,
  }));
}

function rank(id) {
  const { method, successes } = operations.get(id);
  if (method === 'delete') return 2;
  return successes.includes('201') ? 0 : 1;
}

function toRequest({ id, time }, items) {
  const item = items.get(id);
  const { request } = item;
  const details = DETAILS[id] ?? {};
  const header = request.header.map((parameter) => withValue(parameter, details)).filter(isWanted);
  const converted = {
    method: request.method,
    ...(operations.get(id).scope === 'admin' && { auth: authorization('adminToken') }),
    description: descriptionText(request.description),
    header,
    url: urlOf(id, request.url, details),
    ...bodyOf(request.body, details),
  };
  return {
    id: idOf(`${id} ${time}`),
    name: item.name,
    event: [{ listen: 'test', script: { type: 'text/javascript', exec: testsOf(id, details, items) } }],
    request: converted,
    response: time === 0 ? examplesOf(id, item, converted) : [],
  };
}

/** Creates a request with one call of the Kanboard API. */
function toCall({ method, params, keep }, items) {
  const declared = rpcContract.methods.find(({ name }) => name === method);
  if (declared === undefined) throw new Error(`${method} is not a method of openrpc.yaml.`);
  const sample = Object.fromEntries(declared.examples[0].params.map(({ name, value }) => [name, value]));
  const sent = { ...sample, ...params };
  return toRpcRequest(method, 'callJsonRpc', items, {
    description: declared.description,
    sent: { jsonrpc: '2.0', method, ...(declared.params.length > 0 && { params: sent }), id: 1 },
    test: 'pm.expect(pm.response.json().result).to.not.be.oneOf([undefined, null, false])',
    keep: keep ? [`pm.collectionVariables.set('${keep}', pm.response.json().result);`] : [],
  });
}

function toBatch(items) {
  return toRpcRequest('batch', 'callJsonRpcOfOrganisation', items, {
    description: 'Several calls in one request.',
    sent: BATCH.map((method, index) => ({ jsonrpc: '2.0', method, id: index + 1 })),
    test: `pm.expect(pm.response.json().map(({ id }) => id)).to.deep.equal([${BATCH.map((_, index) => index + 1).join(', ')}])`,
    keep: [],
  });
}

function toRpcRequest(name, id, items, { description, sent, test, keep }) {
  const { request } = items.get(id);
  return {
    id: idOf(`${id} ${name}`),
    name,
    event: [
      {
        listen: 'test',
        script: {
          type: 'text/javascript',
          exec: [
            `pm.test('${name} returns 200', () => pm.expect(pm.response.code).to.equal(200));`,
            `pm.test('${name} returns a result', () => ${test});`,
            ...keep,
          ],
        },
      },
    ],
    request: {
      method: request.method,
      auth: {
        type: 'basic',
        basic: [
          { key: 'username', value: 'jsonrpc', type: 'string' },
          { key: 'password', value: '{{applicationToken}}', type: 'string' },
        ],
      },
      description: description.trim(),
      header: request.header.map((parameter) => withValue(parameter, {})),
      url: urlOf(id, request.url, {}),
      // Variables are numbers, not strings.
      body: rawBody(JSON.stringify(sent, null, 2).replaceAll(/"(\{\{\w+\}\})"/g, '$1')),
    },
    response: [],
  };
}

function urlOf(id, { path, query, variable }, details) {
  const prefix = prefixOf(id);
  const sent = query.map((parameter) => withValue(parameter, details));
  const search = sent
    .filter(({ disabled }) => !disabled)
    .map(({ key, value }) => `${key}=${value}`)
    .join('&');
  return {
    raw: `${['{{baseUrl}}', ...prefix, ...path].join('/')}${search === '' ? '' : `?${search}`}`,
    host: ['{{baseUrl}}'],
    path: [...prefix, ...path],
    query: sent,
    variable: variable.map(({ key, description }) => ({
      key,
      value: `{{${key}}}`,
      description: descriptionText(description),
    })),
  };
}

/** The path prefix of an operation: the version, unless it declares its own server. */
function prefixOf(id) {
  const { servers } = operations.get(id);
  return servers === undefined ? ['{{version}}'] : servers[0].url.split('/').filter((step) => step !== '');
}

/** A query parameter or header. Optional ones are disabled, except those with a value in DETAILS. */
function withValue({ key, value, disabled, description }, { parameters = {} }) {
  const given = key === 'X-Org-ID' ? '{{orgId}}' : parameters[key];
  return {
    key,
    value: given ?? value,
    ...(disabled && given === undefined && { disabled }),
    ...(description && { description: descriptionText(description) }),
  };
}

/** X-Org-ID already selects the organisation. */
function isWanted({ key }) {
  return key !== 'X-Cloud-Org-ID';
}

function bodyOf(body, { body: members = {} }) {
  if (body?.mode !== 'raw') return {};
  const example = JSON.parse(body.raw);
  const value = Array.isArray(example) ? example : { ...example, ...members };
  return { body: rawBody(JSON.stringify(value, null, 2)) };
}

function rawBody(raw) {
  return { mode: 'raw', raw, options: { raw: { language: 'json' } } };
}

function testsOf(id, { keep = {} }, items) {
  const { successes, responses } = operations.get(id);
  const hasBody = successes.some((status) => responses[status].content);
  return [
    `pm.test('${id} returns ${successes.join(' or ')}', () => pm.expect(pm.response.code).to.be.oneOf([${successes.join(', ')}]));`,
    hasBody
      ? `pm.test('${id} returns JSON', () => pm.response.json());`
      : `pm.test('${id} returns no body', () => pm.expect(pm.response.text()).to.equal(''));`,
    ...capturesOf(id, items),
    ...Object.entries(keep).map(([name, value]) => `pm.collectionVariables.set('${name}', ${expressionOf(value)});`),
  ];
}

/** Translates a value of `keep` to an expression of Postman's scripts. */
function expressionOf(value) {
  return value.replace(/^response\b/, 'pm.response.json()').replace(/^sent\b/, 'JSON.parse(pm.request.body.raw)');
}

/** Stores what the operation created in the variables of later requests, until a deletion resets them. */
function capturesOf(id, items) {
  const { path, method, successes } = operations.get(id);
  if (method === 'delete') {
    const [, parameter] = /\{(\w+)\}$/.exec(path) ?? [];
    if (parameter === undefined) return [];
    return [`pm.collectionVariables.set('${parameter}', '${pathVariables(items)[parameter]}');`];
  }
  const parameter = successes.includes('201') ? parameterBelow(path) : undefined;
  return parameter === undefined
    ? []
    : [`pm.collectionVariables.set('${parameter}', pm.response.json().self.split('/').pop());`];
}

/** The path parameter that identifies a member of the collection at `path`. */
function parameterBelow(path) {
  const below = [...operations.values()].find(
    (other) => other.path.startsWith(`${path}/{`) && other.path.indexOf('/', path.length + 1) === -1,
  );
  return below?.path.slice(path.length + 2, -1);
}

/** The parameters of all paths with their example values. */
function pathVariables(items) {
  const variables = [...items.values()].flatMap(({ request }) => request.url.variable);
  return Object.fromEntries(variables.map(({ key, value }) => [key, String(value)]));
}

/** Saved example responses, successful ones only. */
function examplesOf(id, { response }, originalRequest) {
  return response
    .filter(({ code }) => code < 300)
    .map(({ name, status, code, header, body }, index) => ({
      id: idOf(`${id} ${code} ${index}`),
      name,
      originalRequest: withoutDescriptions(originalRequest),
      status,
      code,
      header: header.filter(({ key }) => key === 'Content-Type'),
      body,
      _postman_previewlanguage: 'json',
    }));
}

function withoutDescriptions(value) {
  return JSON.parse(JSON.stringify(value, (key, member) => (key === 'description' ? undefined : member)));
}

function descriptionText(description) {
  return (typeof description === 'string' ? description : (description?.content ?? '')).trim();
}

/** A stable id in UUID format, derived from the name. */
function idOf(name) {
  const hex = createHash('sha256').update(`issue-links ${name}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
