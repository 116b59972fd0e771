// One bulk read of 1 000 issues against 1 000 reads one after the other.
import { keyOf, randomIssues } from './dataset.js';

/** Returns both times in milliseconds, or undefined where the server has no bulk read. */
export async function timeBulkRead({ server, plan, token }, seed) {
  const issues = [...new Set(randomIssues(plan, 2_000, seed))].slice(0, 1_000);
  const headers = { Authorization: `OAuth ${token}`, 'Content-Type': 'application/json' };
  const started = performance.now();
  const response = await fetch(`${server.url}/v3/links/_search`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ issues: issues.map(keyOf) }),
  });
  if (response.status === 404) return undefined;
  const body = await response.arrayBuffer();
  const bulkMs = performance.now() - started;
  // Parsing is the client's work, and the single reads are not parsed either.
  const found = JSON.parse(Buffer.from(body).toString());
  if (!issues.every((issue, index) => found[index]?.links?.length === plan.seen[issue])) {
    throw new Error(`The bulk read (${response.status}) returned other links than were loaded.`);
  }
  const singleStarted = performance.now();
  for (const issue of issues) {
    const single = await fetch(`${server.url}/v3/issues/${keyOf(issue)}/links`, { headers });
    await single.arrayBuffer();
  }
  return { bulkMs, getsMs: performance.now() - singleStarted };
}
