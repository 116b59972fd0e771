import { fileURLToPath } from 'node:url';
import { type RequestHandler, Router } from 'express';
import { readContractFile } from './contract/contract-files.ts';
import type { RpcContract } from './contract/openrpc.ts';
import { isLoopbackRequest } from './http/loopback.ts';
import { type Markup, markup } from './markup.ts';
import { PACKAGE_ROOT } from './package/package-root.ts';
import { jsonRpcPage } from './pages/json-rpc-page.ts';
import { preparePage, rootOf } from './pages/page.ts';

/** Where the build puts Swagger UI. */
const SWAGGER_UI = fileURLToPath(new URL('dist/swagger-ui/', PACKAGE_ROOT));

/** The only files of Swagger UI that are served: those that the page loads. */
const SWAGGER_UI_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** The page loads everything from this server. Swagger UI's icons are data: URLs. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What Swagger UI leaves to the page. Its dark colours need a class, which the script below sets. */
const STYLE = `:root{color-scheme:light dark}
body{margin:0;background:#fff}
.about{max-width:1460px;margin:0 auto;padding:1rem 20px;color:#1f2328;font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
.about a{color:#0550ae}
.about p{margin:.25rem 0}
.about code{font:.875em ui-monospace,monospace}
@media (prefers-color-scheme:dark){body{background:#1c2022}.about{color:#e4e6e6}.about a{color:#6cb6ff}}
`;

/** In the head, so that the page is never shown in the wrong colours. */
const THEME = `const dark = matchMedia('(prefers-color-scheme: dark)');
const apply = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', apply);
apply();
`;

/** The demo's credentials: tokens of a user for the Tracker API and an account for the Kanboard API. */
export interface DemoCredentials {
  readonly login: string;
  readonly token: string;
  /** For operations of administrators. */
  readonly adminToken: string;
  readonly kanboard: { readonly login: string; readonly secret: string };
}

/**
 * Serves `/docs`, where every operation of the contract can be tried, and `/docs/json-rpc`, which lists the procedures of the
 * other contract. With `demo`, the former is signed in to the demo, but only for loopback requests, since the demo's credentials
 * work for no others.
 */
export function docsRouter(demo: DemoCredentials | undefined, rpcContract: RpcContract['document']): Router {
  const router = Router();
  router.use('/docs', prepareDocs);
  router.get('/docs', (request, response) => {
    const credentials = isLoopbackRequest(request) ? demo : undefined;
    const html = page(rootOf(request.path), credentials).toString();
    response.set('Cache-Control', 'no-store').type('html').send(html);
  });
  router.get('/docs/json-rpc', (request, response) => {
    const root = rootOf(request.path);
    const content = jsonRpcPage(rpcContract, root);
    response.send(
      preparePage(response, { title: 'JSON-RPC procedures', language: 'en', root, reader: undefined, content }),
    );
  });
  router.get('/docs/initializer.js', (request, response) => {
    const credentials = isLoopbackRequest(request) ? demo : undefined;
    response.set('Cache-Control', 'no-store').type('js').send(initializer(credentials));
  });
  router.get('/docs/openapi.json', async (_request, response) => {
    response.type('json').send(await readContractFile('docs.json'));
  });
  router.get('/docs/theme.js', (_request, response) => {
    response.type('js').send(THEME);
  });
  router.get('/docs/docs.css', (_request, response) => {
    response.type('css').send(STYLE);
  });
  for (const file of SWAGGER_UI_FILES) {
    router.get(`/docs/${file}`, (_request, response) => {
      response.sendFile(file, { root: SWAGGER_UI });
    });
  }
  return router;
}

const prepareDocs: RequestHandler = (_request, response, next) => {
  response.operation = 'docs';
  response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  next();
};

/** URLs are relative, so that the page also works where a proxy puts a prefix before its path. */
function page(root: string, demo: DemoCredentials | undefined): Markup {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>issue-links: API</title>
<link rel="icon" href="${root}docs/favicon-32x32.png">
<link rel="stylesheet" href="${root}docs/swagger-ui.css">
<link rel="stylesheet" href="${root}docs/docs.css">
<script src="${root}docs/theme.js"></script>
</head>
<body>
<main>
<div class="about">
${demo ? signedIn(demo) : signedOut}
<p><a href="${root}">Start page</a> · <a href="${root}docs/json-rpc">JSON-RPC procedures</a> ·
<a href="${root}admin">Administration</a> · <a href="${root}openapi.yaml">openapi.yaml</a></p>
<noscript><p>Trying operations needs JavaScript; the list of JSON-RPC procedures and the contracts do not.</p></noscript>
</div>
<div id="docs"></div>
</main>
<script src="${root}docs/swagger-ui-bundle.js"></script>
<script src="${root}docs/initializer.js"></script>
</body>
</html>
`;
}

function signedIn({ login, token, adminToken, kanboard }: DemoCredentials): Markup {
  return markup`<p><strong>The demo is ready</strong>, and this page is signed in: as <code>${login}</code> with the token
<code>${token}</code>, which may read and write, and to the Kanboard API as <code>${kanboard.login}</code>.</p>
<p>Operations of administrators need the token <code>${adminToken}</code>: press Authorize and enter
<code>OAuth ${adminToken}</code>.</p>`;
}

const signedOut = markup`<p><strong>This page is not signed in.</strong> Press Authorize, and enter <code>OAuth</code> and a token.</p>
<p>Operations of administrators need a token with the scope <code>admin</code> of a user who is an administrator.</p>`;

/** A separate file, because the policy forbids inline scripts. */
function initializer(demo: DemoCredentials | undefined): string {
  const authorise = demo
    ? `
    ui.preauthorizeApiKey('oauth', ${JSON.stringify(`OAuth ${demo.token}`)});
    ui.preauthorizeBasic('kanboard', ${JSON.stringify(demo.kanboard.login)}, ${JSON.stringify(demo.kanboard.secret)});`
    : '';
  return `const root = new URL('../', document.currentScript.src);

// The form submits its examples, so optional filters and preconditions start empty.
function startsEmpty(value) {
  return ['query', 'header'].includes(value?.in) && !value.required && value.name !== 'X-Org-ID';
}

// A proxy may put a prefix before the paths that the contract names.
function prefixed(server) {
  return { ...server, url: server.url.replace(/^\\//, root.pathname) };
}

const ui = SwaggerUIBundle({
  url: new URL('docs/openapi.json', root).href,
  dom_id: '#docs',
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  // The default would send the contract to an external validator.
  validatorUrl: null,
  responseInterceptor(response) {
    if (!response.url.endsWith('/docs/openapi.json')) return response;
    const contract = JSON.parse(response.text, (key, value) => {
      if (key === 'servers') return value.map(prefixed);
      return startsEmpty(value) ? { ...value, example: undefined, examples: undefined } : value;
    });
    return { ...response, text: JSON.stringify(contract) };
  },
  onComplete() {${authorise}
  },
});
`;
}
