import type { Methods } from '../rpc/account.ts';

/** The methods about the server itself. */
export const serverMethods = (version: string): Methods<'getVersion' | 'getTimezone'> => ({
  getVersion: () => Promise.resolve(version),
  getTimezone: () => Promise.resolve('UTC'),
});
