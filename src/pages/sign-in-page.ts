import { type Markup, markup } from '../markup.ts';
import type { Place } from './page.ts';
import { pageTexts } from './page-texts.ts';

/** A form that leads on to the page at `to`. */
export function signInForm({ language, root }: Place, to: string): Markup {
  return markup`<h2>${pageTexts.signIn[language]}</h2>
<p>${pageTexts.signInWhy[language]}</p>
<form class="sign-in" method="post" action="${root}sign-in">
<input type="hidden" name="to" value="${to}">
<label>${pageTexts.token[language]}<input type="password" name="token" required autocomplete="current-password" maxlength="1000"></label>
<label>${pageTexts.organisation[language]}<input name="organisation" autocomplete="organization" maxlength="64"></label>
<div><button>${pageTexts.signIn[language]}</button></div>
</form>`;
}

/** The page to return to: one of this server. */
export function returnPath(given: unknown): string {
  return typeof given === 'string' && /^\/(?![/\\])[\w/.-]*$/.test(given) ? given : '/';
}
