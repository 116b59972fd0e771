import type { Methods } from '../rpc/account.ts';

/** What clients ask of the server itself. */
export const serverMethods = (version: string): Methods<'getVersion' | 'getTimezone'> => ({
  getVersion: () => Promise.resolve(version),
  getTimezone: () => Promise.resolve('UTC'),
});
