import type { Schemas } from '../contract/types.ts';
import { type Markup, markup } from '../markup.ts';
import { reference, scrolling, section } from './issue-page.ts';
import type { Place } from './page.ts';
import { pageTexts } from './page-texts.ts';
import { signInForm } from './sign-in-page.ts';

/** What a reader who is signed in sees of the organisation. */
export interface RecentIssues {
  readonly issues: readonly Schemas['PartialIssue'][];
  /** Undefined if it could not be drawn. */
  readonly picture: Markup | undefined;
}

export interface StartView {
  readonly origin: string;
  /** Undefined for a reader who is not signed in. */
  readonly recent: RecentIssues | undefined;
  /** The credentials that the commands contain. */
  readonly token: string;
  readonly applicationToken: string;
  readonly issueKey: string;
}

export function startPage(place: Place, view: StartView): Markup {
  const { language, root } = place;
  const { recent } = view;
  return markup`<h1>${pageTexts.name[language]}</h1>
<p>${pageTexts.intro[language]}</p>
${recent === undefined ? signInForm(place, '/') : recentIssues(place, recent)}
${section(pageTexts.tryIt[language], commands(view))}
${section(
  pageTexts.next[language],
  markup`<ul>
<li><a href="${root}docs">${pageTexts.docs[language]}</a></li>
<li><a href="${root}docs/json-rpc">${pageTexts.procedures[language]}</a></li>
<li><a href="${root}admin">${pageTexts.admin[language]}</a></li>
<li><a href="${root}openapi.yaml">${pageTexts.openapi[language]}</a></li>
<li><a href="${root}openrpc.json">${pageTexts.openrpc[language]}</a></li>
</ul>`,
)}`;
}

function recentIssues({ language, root }: Place, { issues, picture }: RecentIssues): Markup {
  if (issues.length === 0) return markup`<p>${pageTexts.noIssues[language]}</p>`;
  const list = issues.map(({ self, key, summary = '', status }) => {
    return markup`<li>${reference(root, { self, key, display: summary })} <span class="status">${status?.display}</span></li>`;
  });
  return markup`${section(pageTexts.recentGraph[language], scrolling(language, picture))}
${section(pageTexts.recentIssues[language], markup`<ul>${list}</ul>`)}`;
}

function commands({ origin, token, applicationToken, issueKey }: StartView): Markup {
  const call = '{"jsonrpc":"2.0","method":"getAllLinks","id":1}';
  return markup`${[
    `curl -H 'Authorization: OAuth ${token}' ${origin}/v3/issues/${issueKey}/links`,
    `curl -H 'Authorization: OAuth ${token}' '${origin}/v3/issues/${issueKey}/links/_graph?format=mermaid'`,
    `curl -u jsonrpc:${applicationToken} ${origin}/jsonrpc.php -d '${call}'`,
  ].map((command) => markup`<pre tabindex="0">${command}</pre>`)}`;
}
