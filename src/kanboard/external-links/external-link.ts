import { TEXT_LENGTH_MAX } from '../../text-length.ts';

/** What Kanboard's clients may say of an external task link, and what it works out from the URL. Nothing is fetched. */

/** The types that a client may ask for, which are ids of applications too, with their names. */
export const EXTERNAL_LINK_TYPES = { attachment: 'Attachment', file: 'Local File', weblink: 'Web Link' } as const;

export type ExternalLinkType = keyof typeof EXTERNAL_LINK_TYPES;

/** What a task may be to something elsewhere, by every type; clients may also bring a word of their own. */
export const DEPENDENCIES: Readonly<Record<string, string>> = { related: 'Related' };

/** A page, however it ends; every other ending is a file's. */
const PAGE_EXTENSIONS = ['html', 'htm', 'xhtml', 'php', 'jsp', 'do', 'action', 'asp', 'aspx', 'cgi'];

const PRINTABLE_ASCII = /^[!-~]+$/;
const HOST_NAME = String.raw`[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*\.?`;
const HTTP = new RegExp(
  String.raw`^https?://(?:[^/?#@]*@)?(?:\[[\da-f:.]+\]|${HOST_NAME})(?::\d{1,5})?(?:[/?#]|$)`,
  'i',
);
/** These alone need no host. */
const WITHOUT_HOST = /^(?:mailto|news|file):/i;
const OTHER = /^(?!https?:)[a-z\d+.-]+:\/\/[^/?#]/i;

export function isExternalLinkType(type: string): type is ExternalLinkType {
  return Object.hasOwn(EXTERNAL_LINK_TYPES, type);
}

export function dependencyLabel(dependency: string): string {
  return (Object.hasOwn(DEPENDENCIES, dependency) && DEPENDENCIES[dependency]) || dependency;
}

/** Whether a link may point there: what PHP's FILTER_VALIDATE_URL lets pass. */
export function isUrl(text: string): boolean {
  return (
    text.length <= TEXT_LENGTH_MAX &&
    PRINTABLE_ASCII.test(text) &&
    (HTTP.test(text) || WITHOUT_HOST.test(text) || OTHER.test(text))
  );
}

/** The type that a URL looks like; undefined for what looks like none. */
export function typeOfUrl(url: string): ExternalLinkType | undefined {
  if (url.startsWith('file://')) return 'file';
  const [, rest] = /^https?:\/\/(.*)$/.exec(url) ?? [];
  if (rest === undefined) return undefined;
  const name = rest.includes('/') ? rest.slice(rest.lastIndexOf('/') + 1) : '';
  const dot = name.lastIndexOf('.', name.length - 2);
  const isPage = dot < 0 || PAGE_EXTENSIONS.includes(name.slice(dot + 1).toLowerCase());
  return isPage ? 'weblink' : 'attachment';
}

/** The title of a link that is given none: the name of the file; of a page, the URL. Empty when the URL names no file. */
export function titleOfUrl(type: ExternalLinkType, url: string): string {
  if (type === 'weblink') return url;
  const [path = ''] = url.replace(/^[^:]*:(?:\/\/[^/?#\\]*)?/, '').split(/[?#]/);
  const steps = path.split(type === 'file' ? /[/\\]/ : '/').filter((step) => step !== '');
  return steps.at(-1) ?? '';
}
