import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CookieOptions, Request, Response } from 'express';
import { HttpError } from '../http/error-response.ts';
import { isLoopbackRequest } from '../http/loopback.ts';
import { isOwnOrigin } from '../http/own-origin.ts';
import { pageTexts } from './page-texts.ts';

const COOKIE = 'issue-links';
const COOKIE_PATTERN = new RegExp(`(?:^|;)\\s*${COOKIE}=([^;]*)`);

/** How the reader of a page is signed in. */
export type SignedInBy = 'header' | 'cookie' | 'demo' | undefined;

/**
 * Completes the headers of a request for a page with the credentials that the browser has: those of its cookie, or else of
 * the demo, on the demo's machine. Only pages call this: the APIs know no cookie, so no other site can use it to write there.
 * Pages that write refuse foreign forms.
 */
export function takeCredentials(request: Request, demoToken: string | undefined): SignedInBy {
  const { headers } = request;
  if (headers.authorization !== undefined) return 'header';
  const stored = storedCredentials(headers.cookie);
  if (stored !== undefined) {
    useCredentials(request, stored);
    return 'cookie';
  }
  if (demoToken === undefined || !isLoopbackRequest(request)) return undefined;
  useCredentials(request, { token: demoToken, organisation: '' });
  return 'demo';
}

interface Credentials {
  readonly token: string;
  /** Empty for the only organisation in which the token is valid. */
  readonly organisation: string;
}

export function useCredentials({ headers }: Request, { token, organisation }: Credentials): void {
  headers.authorization = `OAuth ${token}`;
  if (organisation !== '') headers['x-org-id'] = organisation;
}

function storedCredentials(cookies: string | undefined): Credentials | undefined {
  const [, value] = COOKIE_PATTERN.exec(cookies ?? '') ?? [];
  if (value === undefined) return undefined;
  const stored = new URLSearchParams(Buffer.from(value, 'base64url').toString());
  return { token: stored.get('token') ?? '', organisation: stored.get('organisation') ?? '' };
}

/** Keeps the credentials until the browser ends or the reader signs out. */
export function storeCredentials(
  request: Request,
  response: Response,
  credentials: Credentials,
  publicUrl: string | undefined,
): void {
  const value = Buffer.from(new URLSearchParams({ ...credentials }).toString()).toString('base64url');
  response.cookie(COOKIE, value, options(request, publicUrl));
}

/**
 * Removes the cookie that the request has sent. Without one there may still be one: browsers withhold it when a link of
 * another site leads here, and must not lose it for that.
 */
export function forgetCredentials(request: Request, response: Response, publicUrl: string | undefined): void {
  if (storedCredentials(request.headers.cookie) === undefined) return;
  response.clearCookie(COOKIE, options(request, publicUrl));
}

/** Other services may share the host of a server whose PUBLIC_URL has a path. */
function options({ secure }: Request, publicUrl: string | undefined): CookieOptions {
  const { protocol, pathname } = new URL(publicUrl ?? 'http://localhost');
  return { httpOnly: true, sameSite: 'strict', secure: secure || protocol === 'https:', path: pathname };
}

/**
 * Prevents forms of other sites from signing the reader out, or in as another user, whose data the reader would see. Browsers
 * send the origin of a form. Throws a 403.
 */
export function refuseForeignForm(request: Request, publicUrl: string | undefined): void {
  const site = request.get('sec-fetch-site') ?? 'same-origin';
  if (site !== 'same-origin' || isOwnOrigin(request, publicUrl) !== true) {
    throw new HttpError(403, pageTexts.formForeign);
  }
}

/** What the forms that write contain: only a page that was sent with the same credentials has it. */
export function formKeyOf({ headers }: Request): string {
  return createHmac('sha256', headers.authorization ?? '')
    .update('form')
    .digest('base64url');
}

/** Throws a 403 unless the form is from a page with the credentials of this request. */
export function requireFormKey(request: Request, given: unknown): void {
  const key = Buffer.from(formKeyOf(request));
  const sent = Buffer.from(typeof given === 'string' ? given : '');
  if (key.length !== sent.length || !timingSafeEqual(key, sent)) throw new HttpError(403, pageTexts.formForeign);
}
