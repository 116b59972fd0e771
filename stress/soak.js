// `npm run soak`: a mixed load beside idle connections, slow readers and slow senders. Memory must stay flat and latency
// bounded, and afterwards no connection and no file may be left open.
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../bench/random.js';
import { callRpc, createIssues, openEnvironment, sendRest } from './environment.js';
import { runStress } from './run.js';

const PROFILES = {
  full: {
    seconds: 600,
    warmUpSeconds: 60,
    clients: 128,
    idle: 2000,
    slow: 32,
    issues: 400,
    growthMax: 1.1,
    p99MsMax: 2000,
  },
  // Too short to judge memory and latency by.
  quick: { seconds: 6, warmUpSeconds: 4, clients: 16, idle: 100, slow: 4, issues: 40, growthMax: 10, p99MsMax: 60_000 },
};
const RELATIONSHIPS = ['relates', 'depends on', 'duplicates'];
const EXPECTED = new Set([200, 201, 204, 404, 422]);
/** The links of one issue, so many that their JSON does not fit into the buffers of a connection. */
const HUB_LINKS = 300;
const HUB_RESPONSES = 20;
const SLOW_PAUSE_MS = 200;
const SAMPLE_PAUSE_MS = 1000;
/** Resources that clients held are given back within this time. */
const SETTLE_MS = 15_000;
const FILES_SLACK = 4;

class Soak {
  #environment;
  #server;
  #random;
  #problems = [];
  #statuses = {};
  #latencies = [];
  #isOver = false;

  constructor(environment, random) {
    this.#environment = environment;
    [this.#server] = environment.servers;
    this.#random = random;
  }

  async run({ seconds, warmUpSeconds, clients, idle, slow, issues, ...limits }, progress) {
    const keys = (await createIssues(this.#environment, issues)).map(({ key }) => key);
    const hub = await this.#createHub();
    const before = this.#usage();
    progress(`${clients} clients, ${idle} idle connections, ${slow} slow readers, ${slow} slow senders`);
    const idleSockets = [];
    while (idleSockets.length < idle) idleSockets.push(await this.#open());
    const loops = [
      ...Array.from({ length: clients }, () => this.#requestUntilOver(keys)),
      ...Array.from({ length: slow }, () => this.#readSlowly(hub)),
      ...Array.from({ length: slow }, () => this.#sendSlowly(hub)),
    ];
    await this.#sample(warmUpSeconds, progress);
    this.#latencies.length = 0;
    const samples = await this.#sample(seconds, progress);
    this.#isOver = true;
    await Promise.all(loops);
    for (const socket of idleSockets) socket.destroy();
    return this.#report(samples, before, await this.#settled(before), limits);
  }

  #report(samples, before, after, { growthMax, p99MsMax }) {
    const third = Math.max(1, Math.floor(samples.length / 3));
    const first = median(samples.slice(0, third));
    const last = median(samples.slice(-third));
    const latencies = this.#latencies.sort((one, other) => one - other);
    const percentile = (share) => Math.round(latencies[Math.floor(latencies.length * share)] ?? 0);
    const figures = {
      requests: latencies.length,
      statuses: this.#statuses,
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
      memoryMb: { firstThird: first, lastThird: last, max: Math.max(...samples) },
      openFiles: { before: before.files, after: after.files },
    };
    if (last > first * growthMax) this.#problems.push(`Memory grew from ${first} to ${last} MB.`);
    if (figures.p99Ms > p99MsMax) this.#problems.push(`99 % of the requests took up to ${figures.p99Ms} ms.`);
    if (after.files > before.files + FILES_SLACK) {
      this.#problems.push(`${after.files} files and sockets are open; there were ${before.files}.`);
    }
    return { figures, problems: this.#problems };
  }

  async #createHub() {
    const [hub, ...others] = await createIssues(this.#environment, HUB_LINKS + 1);
    for (const { key } of others) {
      await this.#send('POST', `/v2/issues/${hub.key}/links`, { relationship: 'relates', issue: key });
    }
    return hub.key;
  }

  /** A client that reads, writes and searches through both APIs. */
  async #requestUntilOver(keys) {
    while (!this.#isOver) {
      const started = performance.now();
      await this.#requestOnce(this.#random.pick(keys), this.#random.pick(keys));
      this.#latencies.push(performance.now() - started);
    }
  }

  async #requestOnce(key, other) {
    const path = `/v2/issues/${key}/links`;
    const choice = this.#random.below(20);
    if (choice < 12) {
      const { body } = await this.#send('GET', path);
      if (choice === 0 && body?.length > 0) await this.#send('DELETE', `${path}/${this.#random.pick(body).id}`);
    } else if (choice < 15) {
      await this.#send('POST', path, { relationship: this.#random.pick(RELATIONSHIPS), issue: other });
    } else if (choice < 16) {
      await this.#send('POST', '/v3/links/_search', { issues: [key, other] });
    } else if (choice < 17) {
      await this.#send('POST', '/v2/issues/_search', { query: `Key: ${key}` });
    } else if (choice < 18) {
      await this.#send('PATCH', `/v2/issues/${key}`, { summary: `Stress ${this.#random.below(1000)}` });
    } else {
      await callRpc(this.#environment, this.#server, 'getAllLinks', []);
    }
  }

  async #send(method, path, body) {
    const response = await sendRest(this.#environment, this.#server, method, path, body);
    this.#statuses[response.status] = (this.#statuses[response.status] ?? 0) + 1;
    if (!EXPECTED.has(response.status)) {
      this.#problems.push(`${method} ${path} returned ${response.status}: ${JSON.stringify(response.body)}`);
    }
    return response;
  }

  async #open() {
    const { hostname, port } = new URL(this.#server.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** Requests more than the buffers hold, and reads a chunk at a time. */
  async #readSlowly(hub) {
    while (!this.#isOver) {
      const socket = await this.#open();
      socket.write(this.#head('GET', hub, '').repeat(HUB_RESPONSES));
      while (!(this.#isOver || socket.destroyed)) {
        socket.read(1024);
        await sleep(SLOW_PAUSE_MS);
      }
      socket.destroy();
    }
  }

  /** Sends the body of a request one byte at a time. */
  async #sendSlowly(hub) {
    const body = JSON.stringify({ relationship: 'relates', issue: hub });
    while (!this.#isOver) {
      const socket = await this.#open();
      socket.resume();
      socket.write(this.#head('POST', hub, `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`));
      for (let sent = 0; sent < body.length && !(this.#isOver || socket.destroyed); sent += 1) {
        socket.write(body[sent]);
        await sleep(SLOW_PAUSE_MS);
      }
      socket.destroy();
    }
  }

  #head(method, key, headers) {
    const { orgId, token } = this.#environment;
    return `${method} /v2/issues/${key}/links HTTP/1.1\r\nHost: stress\r\nAuthorization: OAuth ${token}\r\nX-Org-ID: ${orgId}\r\n${headers}\r\n`;
  }

  /** The server's memory in MB, once a second. */
  async #sample(seconds, progress) {
    const samples = [];
    for (let second = 1; second <= seconds; second += 1) {
      await sleep(SAMPLE_PAUSE_MS);
      const { memoryMb, files } = this.#usage();
      samples.push(memoryMb);
      if (second % 30 === 0) progress(`${memoryMb} MB, ${files} open files, ${this.#latencies.length} requests`);
    }
    return samples;
  }

  async #settled(before) {
    const deadline = performance.now() + SETTLE_MS;
    while (this.#usage().files > before.files + FILES_SLACK && performance.now() < deadline) await sleep(100);
    return this.#usage();
  }

  #usage() {
    const { pid } = this.#server;
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return { memoryMb: Math.round(Number(kilobytes) / 1024), files: readdirSync(`/proc/${pid}/fd`).length };
  }
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

await runStress('soak', PROFILES, async ({ folder, seed, profile, progress }) => {
  const environment = await openEnvironment({ folder, serverCount: 1 });
  try {
    return await new Soak(environment, seededRandom(seed)).run(profile, progress);
  } finally {
    await environment.close();
  }
});
