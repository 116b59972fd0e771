import type { Schemas } from '../contract/types.ts';
import { type Markup, markup } from '../markup.ts';
import type { Language, Text } from '../texts.ts';
import type { Place } from './page.ts';
import { pageTexts } from './page-texts.ts';

/** What the API returns about an issue. Nothing else is on its page. */
export interface IssueView {
  readonly issue: Schemas['PartialIssue'];
  readonly links: readonly Schemas['IssueLink'][];
  /** Whether there are more links. */
  readonly hasMoreLinks: boolean;
  /** Undefined if it could not be drawn. */
  readonly picture: Markup | undefined;
  readonly changes: readonly Schemas['IssueChange'][];
  /** Whether there are more changes. */
  readonly hasMore: boolean;
}

/** The page about an issue. */
export function issuePage(place: Place, { issue, links, hasMoreLinks, picture, changes, hasMore }: IssueView): Markup {
  const { language, root } = place;
  const facts: readonly [Text, Markup | string | undefined][] = [
    [pageTexts.status, markup`<span class="status">${issue.status?.display}</span>`],
    [pageTexts.assignee, issue.assignee?.display ?? pageTexts.nobody[language]],
    [pageTexts.type, issue.type?.display],
    [pageTexts.priority, issue.priority?.display],
    [pageTexts.queue, issue.queue?.display],
    [pageTexts.author, issue.createdBy?.display],
    [pageTexts.created, issue.createdAt && time(language, issue.createdAt)],
    [pageTexts.updated, issue.updatedAt && time(language, issue.updatedAt)],
    [pageTexts.tags, issue.tags?.join(', ')],
  ];
  return markup`<h1><span class="key">${issue.key}</span> <bdi>${issue.summary}</bdi></h1>
<dl>${facts.map(([name, value]) => {
    if (value === undefined || value === '') return undefined;
    return markup`<div><dt>${name[language]}</dt><dd>${value}</dd></div>`;
  })}</dl>
${issue.description === undefined ? undefined : section(pageTexts.description[language], markup`<p class="description"><bdi>${issue.description}</bdi></p>`)}
${section(pageTexts.links[language], links.length === 0 ? markup`<p>${pageTexts.noLinks[language]}</p>` : linkGroups(root, issue.key, links))}
${hasMoreLinks ? markup`<p>${pageTexts.linksPart[language]}</p>` : undefined}
${section(pageTexts.picture[language], scrolling(language, picture))}
${section(pageTexts.changelog[language], changelog(place, changes, hasMore))}
${section(
  pageTexts.json[language],
  json([[issue.self, issue], ...(hasMoreLinks ? [] : [[`${issue.self}/links`, links] as const])]),
)}`;
}

export function section(title: string, content: Markup): Markup {
  return markup`<section><h2>${title}</h2>
${content}</section>`;
}

/** A picture that may be larger than the window. The keyboard scrolls it once it has the focus. */
export function scrolling(language: Language, picture: Markup | undefined): Markup {
  if (picture === undefined) return markup`<p>${pageTexts.pictureMissing[language]}</p>`;
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${pageTexts.scrolls[language]}">${picture}</div>`;
}

/** Grouped by what the issue is to the others, in the order of the first link of each group. */
function linkGroups(root: string, issueKey: string, links: readonly Schemas['IssueLink'][]): Markup {
  const groups = new Map<string, Schemas['IssueLink'][]>();
  for (const link of links) {
    const label = labelOf(link);
    const group = groups.get(label);
    if (group) group.push(link);
    else groups.set(label, [link]);
  }
  return markup`${[...groups].map(
    ([label, group]) => markup`<h3><span class="key">${issueKey}</span> ${label} →</h3>
<ul>${group.map(
      ({ object, status, assignee }) =>
        markup`<li>${reference(root, object)} <span class="status">${status.display}</span>${
          assignee && markup` <span class="quiet">${assignee.display}</span>`
        }</li>`,
    )}</ul>
`,
  )}`;
}

function labelOf({ type, direction }: Pick<Schemas['LinkState'], 'type' | 'direction'>): string {
  return type[direction];
}

/** An issue, as a link to its page. A deleted one has no page. */
export function reference(
  root: string,
  issue: { readonly self?: string; readonly key: string; readonly display: string },
): Markup {
  const key = issue.self === undefined ? markup`${issue.key}` : markup`<a href="${root}${issue.key}">${issue.key}</a>`;
  return markup`${key} <bdi>${issue.display}</bdi>`;
}

function changelog(place: Place, changes: readonly Schemas['IssueChange'][], hasMore: boolean): Markup {
  const { language } = place;
  return markup`<ol>${changes.map(
    (change) =>
      markup`<li>${time(language, change.updatedAt)} <bdi>${change.updatedBy.display}</bdi>: ${
        pageTexts[change.type][language]
      }${details(place, change)}</li>`,
  )}</ol>${hasMore ? markup`<p>${pageTexts.changelogPart[language]}</p>` : undefined}`;
}

function details(
  { language, root }: Place,
  { fields = [], links = [], comments }: Schemas['IssueChange'],
): Markup | undefined {
  const lines = [
    ...fields.map(
      ({ field, from, to }) => markup`${field.display}: ${fieldValue(language, from)} → ${fieldValue(language, to)}`,
    ),
    ...links.map(
      ({ from, to }) =>
        markup`${from ? markup`<del>${linkState(root, from)}</del> ` : undefined}${to ? linkState(root, to) : undefined}`,
    ),
    ...Object.values(comments ?? {}).flatMap((some) =>
      some.flatMap(({ display }) => (display === undefined ? [] : markup`<bdi>${display}</bdi>`)),
    ),
  ];
  return lines.length === 0 ? undefined : markup`<ul>${lines.map((line) => markup`<li>${line}</li>`)}</ul>`;
}

function linkState(root: string, state: Schemas['LinkState']): Markup {
  return markup`${labelOf(state)} → ${reference(root, state.object)}`;
}

function fieldValue(language: Language, value: Schemas['FieldValue']): Markup {
  if (value === null || value === '') return markup`<span class="quiet">${pageTexts.unset[language]}</span>`;
  if (typeof value === 'string') return markup`<bdi>${value}</bdi>`;
  if (typeof value === 'number') return markup`${String(value)}`;
  if ('display' in value) return markup`<bdi>${value.display}</bdi>`;
  return markup`<bdi>${value.map((part) => (typeof part === 'string' ? part : part.display)).join(', ')}</bdi>`;
}

/** In UTC, since the server does not know where the reader is. */
export function time(language: Language, timestamp: string): Markup {
  const date = new Date(timestamp.replace('+0000', 'Z'));
  const text = date.toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
  return markup`<time datetime="${date.toISOString()}">${text} UTC</time>`;
}

function json(responses: readonly (readonly [string, unknown])[]): Markup {
  return markup`${responses.map(([url, body]) => {
    const text = JSON.stringify(body, undefined, 2);
    return markup`<details><summary>GET ${url}</summary><pre class="json" tabindex="0">${text}</pre></details>`;
  })}`;
}
