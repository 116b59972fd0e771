// The load generator where wrk is not installed: runs the load of a JSON file and prints the result as JSON.
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

const { url, connections, seconds, method, headers, requests, once } = JSON.parse(
  readFileSync(process.argv[2], 'utf8'),
);

let clients = 0;
const instance = autocannon({ url, connections, duration: seconds, setupClient }, (error, result) => {
  if (error) throw error;
  process.stdout.write(
    JSON.stringify({
      requests: result.requests.total,
      seconds: result.duration,
      p50: result.latency.p50,
      p99: result.latency.p99,
      errors: { status: result.non2xx, timeout: result.timeouts, connection: result.errors },
    }),
  );
});

/** Each connection sends its own share of the requests, so that none is sent twice. */
function setupClient(client) {
  const own = requests.filter((_, index) => index % connections === clients);
  clients += 1;
  client.setRequests(
    own.map(([path, body, authorization]) => ({
      method,
      path,
      headers: { ...headers, ...(authorization && { Authorization: authorization }) },
      body,
    })),
  );
  let responses = 0;
  client.on('response', () => {
    responses += 1;
    if (once && responses === own.length) instance.stop();
  });
}
