import type { RequestHandler } from 'express';
import { texts } from '../texts.ts';
import { HttpError } from './error-response.ts';

/** Handles all other methods of a route: OPTIONS returns the allowed methods, anything else gets a 405. */
export function refuseMethod(operations: readonly { readonly method: string }[]): RequestHandler {
  const allowed = operations.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  const Allow = [...allowed, 'OPTIONS'].join(', ');
  return (request, response) => {
    if (request.method !== 'OPTIONS') throw new HttpError(405, texts.methodNotAllowed(Allow), { Allow });
    response.status(204).set({ Allow }).end();
  };
}
