// Runs a load generator in a process of its own: wrk, or else autocannon, for HTTP, and pgbench for SQL. All return
// { requests, seconds, p50, p99, errors }, with latencies in milliseconds and errors by kind.
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The settings with which the statements of bench/sql.js are fastest. */
const PGOPTIONS = '-c plan_cache_mode=force_generic_plan -c join_collapse_limit=1 -c from_collapse_limit=1';

const execute = promisify(execFile);
const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Whether a program is installed. */
export async function isInstalled(program) {
  return await execute(program, ['--version']).then(
    () => true,
    // wrk prints its version and exits with 1.
    (error) => error.code !== 'ENOENT',
  );
}

/**
 * Sends requests of one method, [path, body, authorization] each, to a server for some seconds. The last two are optional:
 * an authorization replaces that of the headers. A load with `once` ends early rather than send a request twice.
 */
export async function runHttp(folder, hasWrk, { url, connections, seconds, method, headers, requests, once }) {
  if (!hasWrk) {
    const file = join(folder, 'load.json');
    await writeFile(file, JSON.stringify({ url, connections, seconds, method, headers, requests, once }));
    const { stdout } = await execute(process.execPath, [fileOf('autocannon.js'), file]);
    return JSON.parse(stdout);
  }
  const file = join(folder, 'load.lua');
  const row = (parts) => `{${parts.map((part) => JSON.stringify(part) ?? 'nil').join()}}`;
  const fields = Object.entries(headers).map(([name, value]) => `[${JSON.stringify(name)}]=${JSON.stringify(value)}`);
  await writeFile(
    file,
    `return {method="${method}",headers={${fields}},once=${once},requests={\n${requests.map(row).join(',\n')}}}`,
  );
  const args = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '30s',
    '-s',
    fileOf('wrk.lua'),
    url,
    '--',
    file,
  ];
  const { stdout } = await execute('wrk', args);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{') + 1));
}

/** Executes a pgbench script with `clients` connections for some seconds. `variables` are set before the first run. */
export async function runPgbench(folder, connection, { script, clients, seconds, variables }) {
  const file = join(folder, 'script.sql');
  await writeFile(file, script);
  const { host, port, user, password, database } = connection;
  const logs = join(folder, 'pgbench');
  const { stdout } = await execute(
    'pgbench',
    [
      ...['-n', '-M', 'prepared', '-c', clients, '-j', 2, '-T', Math.max(1, Math.round(seconds)), '-f', file],
      ...['-l', '--sampling-rate=0.1', `--log-prefix=${logs}`, '-h', host, '-p', port, '-U', user],
      ...Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
      database,
    ].map(String),
    { env: { ...process.env, PGPASSWORD: password, PGOPTIONS } },
  );
  const number = (pattern) => Number(pattern.exec(stdout)?.[1]);
  const requests = number(/transactions actually processed: (\d+)/);
  const failed = number(/failed transactions: (\d+)/);
  const latencies = await takeLatencies(folder);
  return {
    requests,
    seconds: requests / number(/tps = ([\d.]+) \(without/),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    errors: { failed: Number.isNaN(failed) ? 0 : failed },
  };
}

/** Reads and removes the logs of sampled transactions; the third field is the latency in microseconds. */
async function takeLatencies(folder) {
  const files = (await readdir(folder)).filter((name) => name.startsWith('pgbench.')).map((name) => join(folder, name));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  await Promise.all(files.map((file) => rm(file)));
  const lines = texts.flatMap((text) => text.trim().split('\n')).filter(Boolean);
  return lines.map((line) => Number(line.split(' ')[2]) / 1000).sort((one, other) => one - other);
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
