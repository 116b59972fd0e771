import { APPLICATION_LOGIN } from '../core/organisations/organisations.service.ts';
import { DEMO_APPLICATION_TOKEN, DEMO_ORG_ID, DEMO_TOKEN } from '../demo/demo-data.ts';
import type { RunningServer } from '../serve.ts';

/** The address, and the commands to try next. */
export function greeting({ url, hasDemo }: RunningServer): string {
  const next = hasDemo
    ? `Try it:

  curl -H 'Authorization: OAuth ${DEMO_TOKEN}' -H 'X-Org-ID: ${DEMO_ORG_ID}' ${url}/v2/issues/JUNE-2/links
  curl -u ${APPLICATION_LOGIN}:${DEMO_APPLICATION_TOKEN} ${url}/jsonrpc.php -d '{"jsonrpc":"2.0","method":"getAllLinks","id":1}'
  curl ${url}/openapi.yaml

In a browser: ${url}/docs`
    : `Next, in another terminal:

  npx issue-links org create 123
  npx issue-links user create --org 123 --login me --role admin
  npx issue-links token create --org 123 --user me
  curl ${url}/readyz`;
  return `issue-links is listening on ${url}\n\n${next}\n`;
}
