import { TEXT_LENGTH_MAX } from '../../text-length.ts';

/** The types and dependencies of external task links, and the defaults derived from a URL. No URL is ever fetched. */

/** The link types that a client may choose, with their names. A type is also the id of an application. */
export const EXTERNAL_LINK_TYPES = { attachment: 'Attachment', file: 'Local File', weblink: 'Web Link' } as const;

export type ExternalLinkType = keyof typeof EXTERNAL_LINK_TYPES;

/** The dependencies that every type offers, with their labels; clients may also send any other string. */
export const DEPENDENCIES: Readonly<Record<string, string>> = { related: 'Related' };

/** Extensions of web pages; any other extension means a file. */
const PAGE_EXTENSIONS = ['html', 'htm', 'xhtml', 'php', 'jsp', 'do', 'action', 'asp', 'aspx', 'cgi'];

/** Letters beyond ASCII are accepted, as by Tracker's remote links; white space and control characters are not. */
const WITHOUT_SPACE = /^[^\s\p{C}]+$/u;
const HOST_LABEL = String.raw`[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?`;
const HOST_NAME = String.raw`${HOST_LABEL}(?:\.${HOST_LABEL})*\.?`;
const HTTP = new RegExp(
  String.raw`^https?://(?:[^/?#@]*@)?(?:\[[\da-f:.]+\]|${HOST_NAME})(?::\d{1,5})?(?:[/?#]|$)`,
  'iu',
);
/** The only schemes that need no host. */
const WITHOUT_HOST = /^(?:mailto|news|file):/i;
const OTHER = /^(?!https?:)[a-z\d+.-]+:\/\/[^/?#]/i;

export function isExternalLinkType(type: string): type is ExternalLinkType {
  return Object.hasOwn(EXTERNAL_LINK_TYPES, type);
}

export function dependencyLabel(dependency: string): string {
  return (Object.hasOwn(DEPENDENCIES, dependency) && DEPENDENCIES[dependency]) || dependency;
}

/** Whether the string is a URL, by the rules of PHP's FILTER_VALIDATE_URL, but with letters of all alphabets. */
export function isUrl(url: string): boolean {
  return (
    url.length <= TEXT_LENGTH_MAX &&
    WITHOUT_SPACE.test(url) &&
    (HTTP.test(url) || WITHOUT_HOST.test(url) || OTHER.test(url))
  );
}

/** The type suggested by the scheme and the extension of a URL; undefined if its scheme suggests none. */
export function typeOfUrl(url: string): ExternalLinkType | undefined {
  if (url.startsWith('file://')) return 'file';
  const [, rest] = /^https?:\/\/(.*)$/.exec(url) ?? [];
  if (rest === undefined) return undefined;
  const name = rest.includes('/') ? rest.slice(rest.lastIndexOf('/') + 1) : '';
  const dot = name.lastIndexOf('.', name.length - 2);
  const isPage = dot < 0 || PAGE_EXTENSIONS.includes(name.slice(dot + 1).toLowerCase());
  return isPage ? 'weblink' : 'attachment';
}

/** The default title of a link: the URL of a page, or the name of a file. Empty if the URL names no file. */
export function titleOfUrl(type: ExternalLinkType, url: string): string {
  if (type === 'weblink') return url;
  const [path = ''] = url.replace(/^[^:]*:(?:\/\/[^/?#\\]*)?/, '').split(/[?#]/);
  const segments = path.split(type === 'file' ? /[/\\]/ : '/').filter((segment) => segment !== '');
  return segments.at(-1) ?? '';
}
