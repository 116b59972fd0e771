import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import express from 'express';
import supertest from 'supertest';
import { loadRpcContract } from '../../src/contract/openrpc.ts';
import { docsRouter } from '../../src/docs.ts';

const RPC = loadRpcContract().document;
const DEMO = {
  login: 'admin',
  token: 'demo-token',
  adminToken: 'demo-admin-token',
  kanboard: { login: 'jsonrpc', secret: 'demo-secret' },
};
const withDemo = supertest(express().use(docsRouter(DEMO, RPC)));
const withoutDemo = supertest(express().use(docsRouter(undefined, RPC)));

test.each(['/docs', '/docs/'])('%s returns the page, which loads files from this server only', async (path) => {
  const response = await withDemo
    .get(path)
    .expect(200)
    .expect('Content-Type', /^text\/html/);

  const urls = [...response.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
  expect(urls.length).toBeGreaterThan(3);
  // Below any path to which a proxy maps this server.
  const resolved = urls.map((url) => new URL(url, `https://links.example/prefix${path}`).href);
  const paths = resolved.map((url) => url.replace('https://links.example/prefix', ''));
  expect(paths.filter((name) => !name.startsWith('/'))).toEqual([]);
  for (const name of paths.filter((one) => one.startsWith('/docs/'))) await withDemo.get(name).expect(200);
});

test('the page says who it is signed in as and which token may administer', async () => {
  const { text } = await withDemo.get('/docs').expect(200);
  expect(text).toContain('The demo is ready');
  expect(text).toMatch(/as <code>admin<\/code> with the token\s<code>demo-token<\/code>/);
  expect(text).toContain('need the token <code>demo-admin-token</code>');
  for (const response of [await withoutDemo.get('/docs'), await withDemo.get('/docs').set('Host', 'links.example')]) {
    expect(response.text).toContain('This page is not signed in.');
    expect(response.text).not.toMatch(/demo-|demo is/i);
  }
});

test('the list of procedures has an anchor, the parameters, the result and an example of each', async () => {
  const { text, headers } = await withoutDemo
    .get('/docs/json-rpc')
    .expect(200)
    .expect('Content-Type', /^text\/html/);
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
  expect(text).not.toMatch(/<script|style="|\[object|undefined/);
  const ids = new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
  const anchors = [...text.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
  expect(anchors.filter((id) => !ids.has(id))).toEqual([]);
  for (const { name, params, examples } of RPC.methods) {
    expect(text).toContain(`href="#${name}"`);
    const part = text
      .slice(text.indexOf(`<h3 id="${name}"`))
      .split('<h3 ', 2)
      .join('');
    for (const parameter of params) expect(part).toContain(`<li><code>${parameter.name}</code> `);
    expect(part).toContain('<dt>result</dt>');
    expect(part.split('→ ')).toHaveLength(examples.length + 1);
  }
});

test.each(['/docs', '/docs/initializer.js', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css'])(
  'the Content-Security-Policy of %s allows only this server and nothing inline',
  async (path) => {
    const { headers } = await withDemo.get(path).expect(200);
    const policy = headers['content-security-policy'];

    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  },
);

test('the page contains the demo credentials for a browser on this machine', async () => {
  const { text } = await withDemo
    .get('/docs/initializer.js')
    .expect(200)
    .expect('Content-Type', /^text\/javascript/);
  expect(text).toContain('"OAuth demo-token"');
  expect(text).toContain('"jsonrpc", "demo-secret"');
});

test.each([
  ['through a proxy', { 'X-Forwarded-For': '203.0.113.9' }],
  ['for the name of another machine', { Host: 'links.example' }],
])('the page contains no demo credentials for a request %s', async (_name, headers) => {
  const { text } = await withDemo.get('/docs/initializer.js').set(headers).expect(200);
  expect(text).not.toMatch(/demo-(token|secret)/);
});

test('the page contains no credentials without the demo', async () => {
  const { text } = await withoutDemo.get('/docs/initializer.js').expect(200);
  expect(text).toContain('SwaggerUIBundle');
  expect(text).not.toContain('preauthorize');
});

test('the contract is not sent to an external validator', async () => {
  const { text } = await withDemo.get('/docs/initializer.js').expect(200);
  expect(text).toContain('validatorUrl: null');
});

test.each(['/docs/index.html', '/docs/package.json', '/docs/swagger-initializer.js', '/docs/..%2fpackage.json'])(
  '%s, which the page does not use, returns 404',
  async (path) => {
    await withDemo.get(path).expect(404);
  },
);

test.each([
  ['LICENSE', 'Apache License'],
  ['NOTICE', 'SmartBear Software'],
  ['swagger-ui-bundle.js.LICENSE.txt', 'DOMPurify'],
])('the build contains %s beside the files of Swagger UI', async (file, excerpt) => {
  expect(await readFile(new URL(`../../dist/swagger-ui/${file}`, import.meta.url), 'utf8')).toContain(excerpt);
});
