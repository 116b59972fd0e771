/** Whether a token with this time of expiry has expired; null means that it never does. */
export function isExpired(expiresAt: Date | null): boolean {
  return expiresAt !== null && expiresAt.getTime() <= Date.now();
}
