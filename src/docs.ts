import { fileURLToPath } from 'node:url';
import { type RequestHandler, Router } from 'express';
import { isLoopbackRequest } from './http/loopback.ts';

/** Where the build puts Swagger UI. The relative path is the same from src and from dist. */
const SWAGGER_UI = fileURLToPath(new URL('../dist/swagger-ui/', import.meta.url));

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

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>issue-links: API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<noscript>This page needs JavaScript. The contract itself is at <a href="/openapi.yaml">/openapi.yaml</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/initializer.js"></script>
</body>
</html>
`;

/** The demo's credentials: a token for the Tracker API and an account for the Kanboard API. */
export interface DemoCredentials {
  readonly token: string;
  /** For operations of administrators. */
  readonly adminToken: string;
  readonly kanboard: { readonly login: string; readonly secret: string };
}

/**
 * Serves `/docs`, where every operation of the contract can be tried. With `demo`, the page is signed in to the demo, but
 * only for loopback requests, since the demo's credentials work for no others.
 */
export function docsRouter(demo: DemoCredentials | undefined): Router {
  const router = Router();
  router.use('/docs', prepareDocs);
  router.get('/docs', (_request, response) => {
    response.type('html').send(PAGE);
  });
  router.get('/docs/initializer.js', (request, response) => {
    const credentials = isLoopbackRequest(request) ? demo : undefined;
    response.set('Cache-Control', 'no-store').type('js').send(initializer(credentials));
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

/** A separate file, because the policy forbids inline scripts. */
function initializer(demo: DemoCredentials | undefined): string {
  const authorise = demo
    ? `
    ui.preauthorizeApiKey('oauth', ${JSON.stringify(`OAuth ${demo.token}`)});
    ui.preauthorizeBasic('kanboard', ${JSON.stringify(demo.kanboard.login)}, ${JSON.stringify(demo.kanboard.secret)});`
    : '';
  return `// The form submits its examples, so optional filters and preconditions start empty.
function startsEmpty(value) {
  return ['query', 'header'].includes(value?.in) && !value.required && value.name !== 'X-Org-ID';
}

const ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  // The default would send the contract to an external validator.
  validatorUrl: null,
  responseInterceptor(response) {
    if (!response.url.endsWith('/openapi.json')) return response;
    const contract = JSON.parse(response.text, (_key, value) => {
      return startsEmpty(value) ? { ...value, example: undefined, examples: undefined } : value;
    });
    return { ...response, text: JSON.stringify(contract) };
  },
  onComplete() {${authorise}
  },
});
`;
}
