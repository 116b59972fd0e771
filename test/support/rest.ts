import type { Test } from 'supertest';
import type { Api } from './api.ts';
import type { GivenUser } from './builders.ts';

/** Sends REST requests as one user. */
export interface Rest {
  get(path: string): Test;
  post(path: string, body?: object): Test;
  patch(path: string, body?: object): Test;
  delete(path: string): Test;
}

export function restAs({ request }: Api, { headers }: Pick<GivenUser, 'headers'>): Rest {
  return {
    get: (path) => request.get(path).set(headers),
    post: (path, body) => request.post(path).set(headers).send(body),
    patch: (path, body) => request.patch(path).set(headers).send(body),
    delete: (path) => request.delete(path).set(headers),
  };
}
