import { connect } from 'node:net';
import type pg from 'pg';

/** The address and key for cancelling a connection's statements, which pg's types omit. */
type CancelKey = pg.ClientBase & { readonly host: string; readonly port: number } & {
  readonly processID: number;
  readonly secretKey: number;
};

const CANCEL_REQUEST_CODE = 80_877_102;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Requests PostgreSQL to cancel the statement that runs on a connection. The CancelRequest uses a separate socket,
 * which needs neither a free connection nor a login. If it is lost, the statement timeout ends the statement. The
 * connection must not be reused: the request may arrive after the statement has ended, and would then cancel the next
 * one.
 */
export function cancelStatement(client: pg.ClientBase): void {
  const { host, port, processID, secretKey } = client as CancelKey;
  const request = Buffer.alloc(16);
  request.writeInt32BE(request.length, 0);
  request.writeInt32BE(CANCEL_REQUEST_CODE, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.end(request);
}
