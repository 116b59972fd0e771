import type { Request } from 'express';

/** Whether the `Origin` of a request is this server. Undefined without one. */
export function isOwnOrigin(request: Request, publicUrl: string | undefined): boolean | undefined {
  const origin = request.get('origin');
  if (origin === undefined) return undefined;
  const host = hostOf(origin);
  const own = [request.get('host'), request.host, publicUrl === undefined ? undefined : hostOf(publicUrl)];
  return host !== undefined && own.includes(host);
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
