import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { Markup, markup } from '../markup.ts';
import { SVG_STYLE_SOURCE } from '../pictures/svg.ts';
import type { Language } from '../texts.ts';
import { STYLE } from './page-style.ts';
import { pageTexts } from './page-texts.ts';

/** Who reads a page, for its header. Undefined for a reader who is not signed in. */
export interface Reader {
  readonly name: string;
  /** Whether a cookie holds the token, so that the reader can sign out. */
  readonly hasCookie: boolean;
  readonly isDemo: boolean;
}

/** What the parts of a page depend on. */
export interface Place {
  readonly language: Language;
  /** The URL of `/`, relative to the page, so that pages also work where a proxy puts a prefix before their paths. */
  readonly root: string;
}

export interface Page extends Place {
  readonly title: string;
  readonly reader: Reader | undefined;
  readonly content: Markup;
}

const styleSource = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

const HEADERS = {
  // A page runs no script and loads nothing; data: is its empty icon.
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src ${styleSource} ${SVG_STYLE_SOURCE}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Content-Type': 'text/html; charset=utf-8',
  'Cross-Origin-Opener-Policy': 'same-origin',
  // With `no-referrer`, browsers would send `Origin: null` with the forms.
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** The `root` of a page at this path. */
export function rootOf(path: string): string {
  return '../'.repeat(path.split('/').length - 2) || './';
}

/** Sets the headers of a page, and returns its HTML. */
export function preparePage(response: Response, { title, language, root, reader, content }: Page): string {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  response.appendHeader('Vary', 'Accept-Language, Authorization, Cookie');
  return markup`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">${pageTexts.skip[language]}</a>
<header><a class="home" href="${root}">${pageTexts.name[language]}</a>${reader && readerNote(reader, { language, root })}</header>
<main id="content">
${content}
</main>
</body>
</html>
`.toString();
}

function readerNote({ name, hasCookie, isDemo }: Reader, { language, root }: Place): Markup {
  return markup`<div class="reader"><span>${pageTexts.signedInAs(name)[language]}${isDemo ? ` ${pageTexts.demo[language]}` : undefined}</span>${
    hasCookie
      ? markup` <form method="post" action="${root}sign-out"><button>${pageTexts.signOut[language]}</button></form>`
      : undefined
  }</div>`;
}
