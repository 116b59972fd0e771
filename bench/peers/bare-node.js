// The upper bound: Node's HTTP server with a constant body, whatever the request.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { bodyFile } = JSON.parse(process.env.BENCH_PEER);
// The benchmark has ended.
process.on('disconnect', () => process.exit());
const body = readFileSync(bodyFile);

const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
