import type { ServerResponse } from 'node:http';

/** The client closed its connection before the response was complete, so its pending work stops. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** A signal that aborts with `ClientGone` if the client disconnects before its response is complete. */
export function clientSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const leave = () => {
    if (!response.writableFinished) controller.abort(new ClientGone('The client has closed the connection.'));
  };
  if (response.closed) leave();
  else response.once('close', leave);
  return controller.signal;
}
