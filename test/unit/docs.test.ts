import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import express from 'express';
import supertest from 'supertest';
import { docsRouter } from '../../src/docs.ts';

const DEMO = {
  token: 'demo-token',
  adminToken: 'demo-admin-token',
  kanboard: { login: 'jsonrpc', secret: 'demo-secret' },
};
const withDemo = supertest(express().use(docsRouter(DEMO)));
const withoutDemo = supertest(express().use(docsRouter(undefined)));

test.each(['/docs', '/docs/'])('%s returns the page, which loads files from this server only', async (path) => {
  const response = await withDemo
    .get(path)
    .expect(200)
    .expect('Content-Type', /^text\/html/);

  const urls = [...response.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
  expect(urls.length).toBeGreaterThan(3);
  for (const url of urls.filter((name) => name.startsWith('/docs/'))) await withDemo.get(url).expect(200);
  expect(urls.filter((url) => !url.startsWith('/'))).toEqual([]);
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
