import type { ServerResponse } from 'node:http';

/** The client has closed its connection before the response was complete; whatever was under way for it stops. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** Aborts, with `ClientGone`, when the client leaves before its response is complete. */
export function clientSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const leave = () => {
    if (!response.writableFinished) controller.abort(new ClientGone('The client has closed the connection.'));
  };
  if (response.closed) leave();
  else response.once('close', leave);
  return controller.signal;
}
