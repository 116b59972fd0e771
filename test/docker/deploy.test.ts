import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { load, loadAll } from 'js-yaml';
import { Deployment } from 'kubernetes-models/apps/v1';
import { Job } from 'kubernetes-models/batch/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Secret, Service } from 'kubernetes-models/v1';
import { readConfig } from '../../src/config.ts';

/** The files in deploy/. */

const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const read = (file: string) => readFileSync(path(file), 'utf8');

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly stringData: Readonly<Record<string, string>>;
}

const manifests = ['issue-links', 'migrate', 'secret.example'].flatMap(
  (name) => loadAll(read(`deploy/kubernetes/${name}.yaml`)) as Manifest[],
);

/** The schemas of Kubernetes, as its API server declares them. They ignore unknown fields. */
const MODELS = { Deployment, Job, PodDisruptionBudget, Secret, Service };
type Model = new (manifest: object) => { validate(): void };

function isValid(manifest: Manifest): boolean {
  try {
    new (MODELS[manifest.kind as keyof typeof MODELS] as Model)(manifest).validate();
    return true;
  } catch {
    return false;
  }
}

/** Copies of the manifest, each with one value replaced by one of another type, and the path of that value. */
function* corrupted(value: unknown, at = ''): Generator<[string, unknown]> {
  if (at !== '') yield [at, Array.isArray(value) ? 'wrong' : []];
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    for (const [place, copy] of corrupted(member, `${at}/${name}`))
      yield [place, Array.isArray(value) ? value.with(Number(name), copy) : { ...value, [name]: copy }];
  }
}

test.each(manifests.map((manifest) => [manifest.kind, manifest] as const))(
  'the %s for Kubernetes matches its schema, which knows each of its fields',
  (_kind, manifest) => {
    expect(isValid(manifest)).toBe(true);
    const copies = [...corrupted(manifest)].filter(([at]) => at !== '/apiVersion' && at !== '/kind');
    expect(copies.length).toBeGreaterThan(3);
    const unknown = copies.filter(([, copy]) => isValid(copy as Manifest)).map(([at]) => at);
    expect(unknown).toEqual([]);
  },
);

test('the manifests select each other, and use the paths and variables of the server', () => {
  const specOf = (kind: string) => manifests.find((manifest) => manifest.kind === kind)?.spec as never;
  const { selector, template } = specOf('Deployment') as {
    selector: { matchLabels: object };
    template: {
      metadata: { labels: object };
      spec: { containers: [{ env: { name: string; value: string }[]; ports: { name: string }[] }] };
    };
  };
  expect(template.metadata.labels).toEqual(selector.matchLabels);
  expect(specOf('Service')).toMatchObject({ selector: selector.matchLabels, ports: [{ targetPort: 'http' }] });
  expect(specOf('PodDisruptionBudget')).toMatchObject({ selector });
  const [server] = template.spec.containers;
  expect(server).toMatchObject({
    ports: [{ name: 'http', containerPort: 8080 }],
    livenessProbe: { httpGet: { path: '/healthz' } },
    readinessProbe: { httpGet: { path: '/readyz' } },
  });
  const secret = manifests.find(({ kind }) => kind === 'Secret');
  const environment = {
    ...secret?.stringData,
    ...Object.fromEntries(server.env.map(({ name, value }) => [name, value])),
  };
  expect(readConfig(environment)).toMatchObject({
    demo: 'off',
    trustProxy: 1,
    rateLimitStore: 'database',
    shutdownDelaySeconds: 5,
  });
  for (const kind of ['Deployment', 'Job'])
    expect(JSON.stringify(specOf(kind))).toContain(`{"secretRef":{"name":"${secret?.metadata.name}"}}`);
});

test('the unit has a folder for AUDIT_LOG, and Compose keeps the audit in the log of the server', () => {
  const unit = read('deploy/issue-links.service');
  expect(unit).toMatch(/^LogsDirectory=issue-links\nLogsDirectoryMode=0700$/m);
  expect(unit).toContain('AUDIT_LOG=/var/log/issue-links/');
  expect(read('docker-compose.yml')).toMatch(/AUDIT_LOG: \$\{AUDIT_LOG:--\}/);
});

test('HAProxy leads to the servers that Compose starts', () => {
  const { services } = load(read('docker-compose.yml')) as { services: Record<string, { build?: string }> };
  const servers = Object.keys(services).filter((name) => services[name]?.build !== undefined);
  const targets = [...read('deploy/haproxy.cfg').matchAll(/^ {2}server \w+ (\w+):8080$/gm)].map(([, host]) => host);
  expect(targets).toEqual(servers);
});

test('the environment of the profile is valid', () => {
  const lines = read('deploy/scale.env').matchAll(/^(\w+)=(.*)$/gm);
  const values = Object.fromEntries(
    [...lines].map(([, name, value]) => [name, value?.replaceAll(/\$\{\w+:-(\w*)\}/g, '$1')]),
  );
  const config = readConfig({ ...values, DATABASE_URL: 'postgresql://database/links' });
  expect(config).toMatchObject({ trustProxy: 1, rateLimitStore: 'database' });
});

/** Runs a program on a file of deploy/, if the machine has it. */
function whenThere(program: string) {
  const file = ['/usr/sbin', '/usr/bin'].map((folder) => `${folder}/${program}`).find(existsSync) ?? '';
  const run = (...args: string[]) => execFileSync(file, args, { stdio: 'pipe' }).toString();
  return { test: file === '' ? test.skip : test, file, run };
}

const haproxy = whenThere('haproxy');
haproxy.test('HAProxy accepts its configuration', () => {
  expect(haproxy.run('-c', '-f', path('deploy/haproxy.cfg'))).toContain('valid');
});

const nginx = whenThere('nginx');
nginx.test('nginx accepts its configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'issue-links-nginx-'));
  // The file is included in nginx's own configuration. An ordinary user may not listen on port 80.
  const [configuration, site] = [join(folder, 'nginx.conf'), join(folder, 'site.conf')];
  const logs = `error_log ${folder}/error.log; pid ${folder}/pid;`;
  writeFileSync(configuration, `${logs} events {} http { access_log off; include ${site}; }`);
  const text = read('deploy/nginx.conf');
  expect(text).toContain('listen 80;');
  writeFileSync(site, text.replace('listen 80;', `listen unix:${folder}/socket;`));
  try {
    nginx.run('-t', '-q', '-p', folder, '-c', configuration);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const caddy = whenThere('caddy');
caddy.test('Caddy accepts its configuration', () => {
  const adapted = caddy.run('adapt', '--config', path('deploy/Caddyfile'), '--adapter', 'caddyfile');
  expect(adapted).toContain('"uri":"/readyz"');
});

const systemd = whenThere('systemd-analyze');
systemd.test('systemd knows each setting of the unit', () => {
  // Whether the program is there is the matter of the machine that runs the unit.
  const { stderr } = spawnSync(systemd.file, ['verify', path('deploy/issue-links.service')], { encoding: 'utf8' });
  expect(stderr.split('\n').filter((line) => line.includes('issue-links.service:'))).toEqual([]);
});
